// Package ntp is the feature of the time from the network (RFC 5905; cli.md §9.1):
// the servers that the switch asks for the time, and the keys that they prove
// themselves by. supervisor/ntp asks them, chooses one, and sets the clock of the
// machine where it may.
//
// The switch is a client: it tells nobody the time. A peer is asked as a server
// is.
package ntp

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// Settings are what configuration says of the time.
type Settings struct {
	Sources      []Source // servers, then peers, by name
	Authenticate bool     // only sources that prove themselves by a trusted key are believed
	Keys         map[uint16]string
	Trusted      map[uint16]bool
	// Source is the address that questions are sent from, SourceMgmt that it is
	// the one of mgmt0; neither: what the machine chooses.
	Source     netip.Addr
	SourceMgmt bool
}

// Source is a machine that is asked for the time.
type Source struct {
	Host   string // address or name
	Peer   bool
	Prefer bool
	VRF    string // "" where none is configured
	Key    uint16 // 0 for none
}

// Config is what an operator sets for the switch, SourceConfig of a server or
// peer, KeyConfig of a key.
type (
	Config struct {
		Authenticate bool
		Source       netip.Addr
		Interface    string
	}
	SourceConfig struct {
		Prefer, VRF string
		Key         uint32
	}
	KeyConfig struct{ Secret Key }
)

const (
	section    = 13
	maxSources = 64 // as on NX-OS
	maxKeys    = 64
)

var (
	keyID  = schema.Uint("ntp-key", "Number of the key", 1, 65535)
	prefer = schema.Enum("ntp-prefer", schema.Keyword{Text: "prefer", Help: "Prefer this one to others that are as good"})
	source = schema.Enum("ntp-source-interface", schema.Keyword{Text: "mgmt0", Help: "Management interface"})
)

// sources declares the list of servers or of peers.
func sources(word, help string, order int) (schema.Block, []schema.Leaf) {
	list := "ntp/" + word
	return schema.Block{
			Path: list, Keys: []schema.Key{{Name: "host", Type: feature.HostName}},
			Line:    "ntp " + word + " <host> [<prefer>|use-vrf <use-vrf>|key <key>]*",
			Options: []string{"prefer", "use-vrf", "key"},
			Amend:   func(_ tree.Tree, _, _ string, value any) (any, error) { return value, nil },
			Section: section, Order: order, Help: help,
		}, schema.Augment([]string{list},
			schema.Bind("prefer", prefer, func(c *SourceConfig) *string { return &c.Prefer }, "", "Preference"),
			schema.Bind("use-vrf", feature.UseVRF, func(c *SourceConfig) *string { return &c.VRF }, "", "VRF"),
			schema.Bind("key", keyID, func(c *SourceConfig) *uint32 { return &c.Key }, "", "Key"),
		)
}

// Feature is the feature.
var Feature = feature.Feature{Name: "ntp", Schema: group(), Check: check, Show: shows}

func group() schema.Group {
	const keys = "ntp/authentication-key"
	server, serverLeaves := sources("server", "Server that is asked for the time", 4)
	peer, peerLeaves := sources("peer", "Peer that is asked for the time", 5)
	at := func(order int) func(*schema.Leaf) {
		return func(l *schema.Leaf) { l.Section, l.Order = section, order }
	}
	return schema.Group{
		Blocks: []schema.Block{server, peer, {
			Path: keys, Keys: []schema.Key{{Name: "id", Type: keyID}}, Help: "Key",
		}, {
			Path: "ntp/trusted-key", Keys: []schema.Key{{Name: "trusted", Type: keyID}}, Line: "ntp trusted-key <trusted>",
			Section: section, Order: 3, Help: "Key that sources are trusted by",
		}},
		Leaves: slices.Concat([]schema.Leaf{
			schema.Bind("ntp/authenticate", schema.Flag, func(c *Config) *bool { return &c.Authenticate },
				"ntp authenticate", "Believe only sources that prove themselves by a trusted key").With(at(1)),
			schema.Bind("ntp/source", schema.IPv4, func(c *Config) *netip.Addr { return &c.Source },
				"ntp source <address>", "Address that questions are sent from").With(at(6)),
			schema.Bind("ntp/source-interface", source, func(c *Config) *string { return &c.Interface },
				"ntp source-interface <source-interface>", "Interface whose address questions are sent from").With(at(7)),
		}, serverLeaves, peerLeaves, schema.Augment([]string{keys},
			schema.Bind("md5", keyType, func(c *KeyConfig) *Key { return &c.Secret },
				"ntp authentication-key <id> md5 <key>", "Text of the key, for MD5").With(at(2)))),
		Words: schema.Words{
			"ntp":                "Configure the time from the network",
			"ntp server":         "Server that is asked for the time",
			"ntp peer":           "Peer that is asked for the time",
			"ntp server use-vrf": "VRF that it is in", "ntp peer use-vrf": "VRF that it is in",
			"ntp server key": "Key that it proves itself by", "ntp peer key": "Key that it proves itself by",
			"ntp authentication-key": "Key that sources prove themselves by",
			"ntp trusted-key":        "Key that sources are trusted by",
			"ntp source":             "Address that questions are sent from",
			"ntp source-interface":   "Interface whose address questions are sent from",
		},
	}
}

var root = tree.Path{{Name: "ntp"}}

// Read returns what a configuration says of the time.
func Read(t tree.Tree) Settings {
	s := Settings{
		Authenticate: feature.Read(t, root.Child("authenticate"), false),
		Source:       feature.Read(t, root.Child("source"), netip.Addr{}),
		SourceMgmt:   feature.Read(t, root.Child("source-interface"), "") != "",
		Keys:         map[uint16]string{}, Trusted: map[uint16]bool{},
	}
	for _, list := range []string{"server", "peer"} {
		for host := range t.Keys(root.Child(list)) {
			at := root.Entry(list, host)
			s.Sources = append(s.Sources, Source{
				Host: host, Peer: list == "peer", Prefer: feature.Read(t, at.Child("prefer"), "") != "",
				VRF: feature.Read(t, at.Child("use-vrf"), ""), Key: uint16(feature.Read(t, at.Child("key"), uint32(0))),
			})
		}
	}
	slices.SortFunc(s.Sources, func(a, b Source) int {
		if a.Peer != b.Peer {
			if b.Peer {
				return -1
			}
			return 1
		}
		return cmp.Or(tree.Compare(a.Host, b.Host))
	})
	for id := range t.Keys(root.Child("authentication-key")) {
		s.Keys[number(id)] = feature.Read(t, root.Entry("authentication-key", id).Child("md5"), Key{}).Clear
	}
	for id := range t.Keys(root.Child("trusted-key")) {
		s.Trusted[number(id)] = true
	}
	return s
}

func number(key string) uint16 {
	n, _ := strconv.ParseUint(key, 10, 16) // of the schema
	return uint16(n)
}

// check holds the limits, and one host to one role.
func check(c feature.Candidate) []schema.Problem {
	if !c.Changed(root) {
		return nil
	}
	var all []schema.Problem
	refuse := func(leaf, rule, text string) {
		all = append(all, schema.Problem{Path: root.Child(leaf), Rule: rule, Text: text})
	}
	s := Read(c.New)
	if len(s.Sources) > maxSources {
		refuse("server", "scale", fmt.Sprintf("ERROR: Maximum number of NTP servers and peers (%d) reached.", maxSources))
	}
	if len(s.Keys) > maxKeys || len(s.Trusted) > maxKeys {
		refuse("authentication-key", "scale", fmt.Sprintf("ERROR: Maximum number of NTP keys (%d) reached.", maxKeys))
	}
	if s.Source.IsValid() && s.SourceMgmt {
		refuse("source", "source", "ERROR: NTP has either a source address or a source interface.")
	}
	for i, a := range s.Sources {
		if slices.ContainsFunc(s.Sources[:i], func(b Source) bool { return a.Host == b.Host }) {
			refuse("peer", "twice", fmt.Sprintf("ERROR: %s is an NTP server and cannot be a peer.", a.Host))
		}
	}
	for id := range s.Keys {
		if feature.Read(c.New, root.Entry("authentication-key", strconv.Itoa(int(id))).Child("md5"), Key{}).Hidden {
			refuse("authentication-key", "hidden", "ERROR: A key is stored as its text of type 7.")
		}
	}
	return all
}
