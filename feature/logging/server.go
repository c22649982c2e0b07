package logging

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// Server is a machine that messages are sent to.
type Server struct {
	Host      string // address or name
	Severity  feature.Severity
	Port      uint16
	VRF       string // "" where none is configured
	Facility  Facility
	Transport Transport
}

// ServerConfig is what an operator sets of a server, besides its name.
type ServerConfig struct {
	Severity, Port uint32
	VRF, Facility  string
	Transport      Transport
}

// Transport says how messages travel to a server: the zero value over UDP (RFC
// 5426), TCP over TCP with counted octets (RFC 6587 §3.4.1), Secure over TLS (RFC
// 5425).
type Transport struct {
	Kind TransportKind
	// What a server's certificate is known by, at most one of them: CA, the file of
	// the authorities that may have signed it, or Fingerprint, the SHA-256 of the
	// certificate itself. Without either the machine's authorities are asked.
	CA          string
	Fingerprint [32]byte
}

// TransportKind is the protocol of a transport.
type TransportKind uint8

// Protocols.
const (
	UDP TransportKind = iota
	TCP
	Secure
)

// Pinned reports whether the server's certificate is known by its fingerprint.
func (t Transport) Pinned() bool { return t.Fingerprint != [32]byte{} }

// String is the text of a transport on a line, "" for UDP.
func (t Transport) String() string {
	switch {
	case t.Kind == TCP:
		return "tcp"
	case t.Kind == UDP:
		return ""
	case t.CA != "":
		return "secure ca " + t.CA
	case t.Pinned():
		return "secure fingerprint " + hex.EncodeToString(t.Fingerprint[:])
	}
	return "secure"
}

// Ports of servers when none is configured: that of cli.md §9.1, and that of RFC
// 5425.
const (
	DefaultPort       = 514
	DefaultSecurePort = 6514
)

// maxServers is how many servers there may be, as on NX-OS.
const maxServers = 8

// Facility is a facility of syslog (RFC 5424 §6.2.1), which the messages to a
// server have all alike: their own facilities are names that syslog does not know.
type Facility uint8

// syslogFacilities are those that a line may name, by name.
var syslogFacilities = []struct {
	name string
	code Facility
}{
	{"auth", 4}, {"authpriv", 10}, {"cron", 9}, {"daemon", 3}, {"ftp", 11}, {"kernel", 0},
	{"local0", 16}, {"local1", 17}, {"local2", 18}, {"local3", 19}, {"local4", 20}, {"local5", 21}, {"local6", 22}, {"local7", 23},
	{"lpr", 6}, {"mail", 2}, {"news", 7}, {"syslog", 5}, {"user", 1}, {"uucp", 8},
}

const defaultFacility = "local7"

// facilityOf is the code of a name.
func facilityOf(name string) Facility {
	for _, f := range syslogFacilities {
		if f.name == name {
			return f.code
		}
	}
	return 23 // not of the schema
}

// String is the name of a facility.
func (f Facility) String() string {
	for _, s := range syslogFacilities {
		if s.code == f {
			return s.name
		}
	}
	return fmt.Sprint(uint8(f))
}

func syslogFacilityType() schema.Type[string] {
	words := make([]schema.Keyword, len(syslogFacilities))
	for i, f := range syslogFacilities {
		words[i] = schema.Keyword{Text: f.name, Help: "Facility " + f.name}
	}
	return schema.Enum("syslog-facility", words...)
}

// caFile is the type of the name of a file of certificates.
var caFile = func() schema.Type[string] {
	t := schema.Word("ca-file", "File of certificates in PEM: bootflash:FILE", 128)
	word := t.Parse
	t.Syntax.Samples = []string{"bootflash:ca.pem", "volatile:logs/ca.pem"}
	t.Parse = func(s string) (string, error) {
		system, file, _ := strings.Cut(s, ":")
		if system != "bootflash" && system != "volatile" || strings.Trim(file, "/") == "" || slices.Contains(strings.Split(file, "/"), "..") {
			return "", schema.ErrInvalid
		}
		return word(s)
	}
	return t
}()

// fingerprint is the type of SHA-256 fingerprints of certificates: 64 hexadecimal
// digits, which may have colons between them as openssl prints them.
var fingerprint = schema.Type[[32]byte]{
	Name: "certificate-fingerprint",
	Syntax: schema.Syntax{
		Notation: "WORD", Help: "SHA-256 of the certificate in hexadecimal digits",
		Samples: []string{strings.Repeat("0123456789abcdef", 4), strings.Repeat("fe", 32)},
	},
	Parse: func(s string) (f [32]byte, err error) {
		b, err := hex.DecodeString(strings.ReplaceAll(s, ":", ""))
		if err != nil || len(b) != len(f) {
			return f, schema.ErrInvalid
		}
		copy(f[:], b)
		if f == [32]byte{} { // which stands for none
			return f, schema.ErrInvalid
		}
		return f, nil
	},
	Format: func(f [32]byte) string { return hex.EncodeToString(f[:]) },
}

var transport = schema.Type[Transport]{
	Name: "logging-transport",
	Syntax: schema.Syntax{
		Help:  "Transport",
		Forms: []string{"tcp", "secure", "secure ca <file>", "secure fingerprint <fingerprint>"},
		Types: map[string]schema.AnyType{"file": caFile, "fingerprint": fingerprint},
		Words: schema.Words{
			"tcp": "Send over TCP", "secure": "Send over TLS",
			"secure ca":          "Trust the authorities of a file, instead of those of the machine",
			"secure fingerprint": "Trust one certificate, whoever signed it",
		},
	},
	Parse:  parseTransport,
	Format: Transport.String,
}

func parseTransport(s string) (t Transport, err error) {
	switch w := strings.Split(s, " "); {
	case s == "tcp":
		return Transport{Kind: TCP}, nil
	case s == "secure":
		return Transport{Kind: Secure}, nil
	case len(w) == 3 && w[0] == "secure" && w[1] == "ca":
		t.CA, err = caFile.Parse(w[2])
	case len(w) == 3 && w[0] == "secure" && w[1] == "fingerprint":
		t.Fingerprint, err = fingerprint.Parse(w[2])
	default:
		err = schema.ErrInvalid
	}
	if err != nil {
		return Transport{}, err
	}
	t.Kind = Secure
	return t, nil
}

const serverList = "logging/server"

var serverBlock = schema.Block{
	Path: serverList, Keys: []schema.Key{{Name: "server", Type: feature.HostName}},
	Line:    "logging server <server> [<severity>] [port <port>|use-vrf <use-vrf>|facility <facility>|<transport>]*",
	Options: []string{"severity", "port", "use-vrf", "facility", "transport"},
	Amend:   func(_ tree.Tree, _, _ string, value any) (any, error) { return value, nil },
	Section: section, Order: 6, Help: "Send messages to a server",
}

var serverLeaves = schema.Augment([]string{serverList},
	schema.Bind("severity", severityType, func(c *ServerConfig) *uint32 { return &c.Severity }, "", "Least severity").
		With(func(l *schema.Leaf) { l.Default = uint32(feature.Notice) }),
	schema.Bind("port", schema.Uint("logging-port", "Port of the server", 1, 65535), func(c *ServerConfig) *uint32 { return &c.Port }, "", "Port of the server"),
	schema.Bind("use-vrf", feature.UseVRF, func(c *ServerConfig) *string { return &c.VRF }, "", "VRF"),
	schema.Bind("facility", syslogFacilityType(), func(c *ServerConfig) *string { return &c.Facility }, "", "Facility of the messages").
		With(func(l *schema.Leaf) { l.Default = defaultFacility }),
	schema.Bind("transport", transport, func(c *ServerConfig) *Transport { return &c.Transport }, "", "Transport of the messages"),
)

// readServers returns the servers in order.
func readServers(t tree.Tree) []Server {
	hosts := slices.Collect(t.Keys(root.Child("server")))
	slices.SortFunc(hosts, tree.Compare)
	all := make([]Server, len(hosts))
	for i, h := range hosts {
		at := root.Entry("server", h)
		s := Server{
			Host:      h,
			Severity:  feature.Severity(feature.Read(t, at.Child("severity"), uint32(feature.Notice))),
			Port:      uint16(feature.Read(t, at.Child("port"), uint32(0))),
			VRF:       feature.Read(t, at.Child("use-vrf"), ""),
			Facility:  facilityOf(feature.Read(t, at.Child("facility"), defaultFacility)),
			Transport: feature.Read(t, at.Child("transport"), Transport{}),
		}
		if s.Port == 0 {
			s.Port = DefaultPort
			if s.Transport.Kind == Secure {
				s.Port = DefaultSecurePort
			}
		}
		all[i] = s
	}
	return all
}

// check limits the number of servers.
func check(c feature.Candidate) []schema.Problem {
	if !c.Changed(root) || len(readServers(c.New)) <= maxServers {
		return nil
	}
	return []schema.Problem{{
		Path: root.Child("server"), Rule: "scale", Text: fmt.Sprintf("ERROR: Maximum number of logging servers (%d) reached.", maxServers),
	}}
}
