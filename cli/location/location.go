// Package location is where files of other machines are, and how to get there:
// the URLs of copy and of redirections (cli.md §6, §7.1). What moves the bytes is
// cli/transfer; sessions only know what is here.
//
//	scp://user@host[:port]/path     the program scp on the other machine
//	sftp://user@host[:port]/path    the subsystem sftp
//	http://[user@]host[:port]/path  read only, as https is
//
// The path of scp and sftp is from the root, or from the user's home after "/~/".
// Passwords are never part of a URL: they would be kept in histories.
package location

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
	"unicode"
)

// Schemes.
const (
	SCP   = "scp"
	SFTP  = "sftp"
	HTTP  = "http"
	HTTPS = "https"
)

var ports = map[string]uint16{SCP: 22, SFTP: 22, HTTP: 80, HTTPS: 443}

// maxURL is the longest URL, in bytes.
const maxURL = 1024

// URL is a file of another machine.
type URL struct {
	Scheme string
	User   string // "" where it is not said
	Host   string // a name or an address, without brackets
	Port   uint16
	Path   string // decoded, from "/"
	Query  string // of http and https, as written
}

// Error is a message for an operator, without its prefix.
type Error string

func (e Error) Error() string { return "ERROR: " + string(e) }

// Is reports whether a text is meant to be a URL: a scheme that is known, and
// "://".
func Is(text string) bool {
	scheme, _, ok := strings.Cut(text, "://")
	return ok && ports[strings.ToLower(scheme)] != 0
}

// Parse reads a URL.
func Parse(text string) (URL, error) {
	if len(text) > maxURL {
		return URL{}, Error(fmt.Sprintf("URL exceeds %d characters", maxURL))
	}
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Fragment != "" {
		return URL{}, Error("Invalid URL")
	}
	r := URL{Scheme: u.Scheme, Host: u.Hostname(), Port: ports[u.Scheme], Path: u.Path, Query: u.RawQuery}
	if r.Port == 0 {
		return URL{}, Error("Invalid URL: not scp, sftp, http or https")
	}
	if u.User != nil {
		if _, set := u.User.Password(); set {
			return URL{}, Error("A password cannot be part of a URL; it is asked for")
		}
		r.User = u.User.Username()
	}
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return URL{}, Error("Invalid URL: port")
		}
		r.Port = uint16(n)
	}
	switch {
	case !validHost(r.Host):
		return URL{}, Error("Invalid URL: host")
	case !printable(r.User) || !printable(r.Path) || !printable(r.Query):
		return URL{}, Error("Invalid URL")
	case r.SSH() && (r.Path == "" || r.Path == "/" || r.Query != ""):
		return URL{}, Error("Invalid URL: no file")
	}
	return r, nil
}

// validHost reports whether a text is an address, or may be a name.
func validHost(text string) bool {
	if a, err := netip.ParseAddr(text); err == nil {
		return a.Zone() == ""
	}
	return text != "" && len(text) <= 253 && strings.IndexFunc(text, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_')
	}) < 0
}

func printable(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == '\ufffd' }) < 0
}

// SSH reports whether the file is reached through SSH.
func (u URL) SSH() bool { return u.Scheme == SCP || u.Scheme == SFTP }

// Writable reports whether a file can be written there.
func (u URL) Writable() bool { return u.SSH() }

// Address is "host:port", for a dialer.
func (u URL) Address() string { return net.JoinHostPort(u.Host, strconv.Itoa(int(u.Port))) }

// Name is the file's own name, "" of a directory.
func (u URL) Name() string {
	if strings.HasSuffix(u.Path, "/") || u.Path == "" {
		return ""
	}
	return path.Base(u.Path)
}

// With is the file of a name in u where u is a directory ("…/"), else u.
func (u URL) With(name string) URL {
	if u.Name() == "" {
		u.Path += name
	}
	return u
}

// Remote is the path as the other machine takes it, from the root or the user's
// home.
func (u URL) Remote() string {
	if home, ok := strings.CutPrefix(u.Path, "/~/"); ok {
		return home
	}
	return u.Path
}

// String is the URL; the port is left out where it is the scheme's.
func (u URL) String() string {
	host := u.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if u.Port != ports[u.Scheme] {
		host = u.Address()
	}
	w := url.URL{Scheme: u.Scheme, Host: host, Path: u.Path, RawQuery: u.Query}
	if u.User != "" {
		w.User = url.User(u.User)
	}
	return w.String()
}

// Sure ends questions whose answer is yes or no.
const Sure = "(yes/no)? "

// Operator is who waits for a transfer.
type Operator struct {
	// User is taken where a URL names none and nobody can be asked.
	User string
	// Ask asks a question; what is answered to a hidden one is not shown. It is
	// nil where nobody can be asked.
	Ask func(ctx context.Context, question string, hidden bool) (answer string, err error)
	// Say prints a line that the operator should know.
	Say func(text string)
	// Moved is told how many bytes of how many have been moved, the latter -1
	// where it is not known; nil for nobody.
	Moved func(done, total int64)
}

// Printable is text of another machine, as a terminal may be given it: without
// control characters but for the ends of lines.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && unicode.IsControl(r) {
			return '.'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

// Printable is the operator, who is told and asked in Printable only.
func (o Operator) Printable() Operator {
	ask, say := o.Ask, o.Say
	if ask != nil {
		o.Ask = func(ctx context.Context, question string, hidden bool) (string, error) {
			return ask(ctx, Printable(question), hidden)
		}
	}
	if say != nil {
		o.Say = func(text string) { say(Printable(text)) }
	}
	return o
}

// Transfer moves files. VRF is "management" for connections from mgmt0, "" or
// "default" for those that the machine makes as it likes.
type Transfer interface {
	// Get writes a file to w. W's error ends it, and is what is returned.
	Get(ctx context.Context, from URL, vrf string, who Operator, w io.Writer) error
	// Put makes a file of size bytes of r.
	Put(ctx context.Context, to URL, vrf string, who Operator, r io.Reader, size int64) error
	// Forget drops what is known of the keys of all SSH servers.
	Forget() error
}
