package schema

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode"

	"trunkline/internal/ether"
)

// Flag is the type of leaves whose line carries no value.
var Flag = Type[bool]{
	Name: "flag", Parse: strconv.ParseBool, Format: strconv.FormatBool,
	Yang: "boolean", JSON: JSONBool,
}

// Uint returns the type of whole numbers from lo to hi.
func Uint(name, help string, lo, hi uint32) Type[uint32] {
	return Type[uint32]{
		Name:   name,
		Syntax: Syntax{Notation: fmt.Sprintf("<%d-%d>", lo, hi), Help: help},
		Parse: func(s string) (uint32, error) {
			n, err := strconv.ParseUint(s, 10, 32)
			if err != nil && !digits(s) {
				return 0, ErrInvalid
			}
			if err != nil || uint32(n) < lo || uint32(n) > hi {
				return 0, ErrRange(int64(lo), int64(hi))
			}
			return uint32(n), nil
		},
		Format: func(v uint32) string { return strconv.FormatUint(uint64(v), 10) },
		Yang:   fmt.Sprintf("uint32 { range \"%d..%d\"; }", lo, hi),
		JSON:   JSONNumber,
	}
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// Word returns the type of names without blanks, 1 to limit bytes. Names made of
// nothing but the signs that separate and join commands are none.
func Word(name, help string, limit int) Type[string] {
	return Type[string]{
		Name:   name,
		Syntax: Syntax{Notation: "WORD", Help: fmt.Sprintf("%s (Max Size %d)", help, limit)},
		Parse: func(s string) (string, error) {
			if strings.Trim(s, "|;<>") == "" || strings.ContainsAny(s, " \t\r\n\"") || !printable(s) {
				return "", ErrInvalid
			}
			if len(s) > limit {
				return "", ErrTooLong(limit)
			}
			return s, nil
		},
		Format: func(s string) string { return s },
		Yang:   fmt.Sprintf("string { length \"1..%d\"; }", limit),
	}
}

// Name returns the type of words of letters, digits, - and _, 1 to limit bytes.
func Name(name, help string, limit int) Type[string] {
	t := Word(name, help, limit)
	word := t.Parse
	t.Parse = func(s string) (string, error) {
		for _, c := range []byte(s) {
			if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
				return "", ErrInvalid
			}
		}
		return word(s)
	}
	t.Yang = fmt.Sprintf(`string { length "1..%d"; pattern "[a-zA-Z0-9\-_]+"; }`, limit)
	return t
}

// Line returns the type of texts that take the rest of the line, 1 to limit
// bytes, leading and trailing blanks removed.
func Line(name, help string, limit int) Type[string] {
	return Type[string]{
		Name:   name,
		Syntax: Syntax{Notation: "LINE", Help: fmt.Sprintf("%s (Max Size %d)", help, limit), Rest: true},
		Parse: func(s string) (string, error) {
			s = strings.TrimSpace(s)
			if s == "" || !printable(s) {
				return "", ErrInvalid
			}
			if len(s) > limit {
				return "", ErrTooLong(limit)
			}
			return s, nil
		},
		Format: func(s string) string { return s },
		Yang:   fmt.Sprintf("string { length \"1..%d\"; }", limit),
	}
}

func printable(s string) bool {
	for _, r := range s {
		if unicode.IsControl(r) || r == '\ufffd' {
			return false
		}
	}
	return true
}

// Enum returns the type of a choice between keywords; values are the keywords.
func Enum(name string, keywords ...Keyword) Type[string] {
	texts := make([]string, len(keywords))
	for i, k := range keywords {
		texts[i] = k.Text
	}
	return Type[string]{
		Name:   name,
		Syntax: Syntax{Keywords: keywords},
		Parse: func(s string) (string, error) {
			for _, t := range texts {
				if strings.EqualFold(s, t) {
					return t, nil
				}
			}
			return "", ErrInvalid
		},
		Format: func(s string) string { return s },
		Yang:   "enumeration { enum \"" + strings.Join(texts, "\"; enum \"") + "\"; }",
	}
}

// VLAN is the type of one VLAN identifier.
var VLAN = Type[ether.VLANID]{
	Name:   "vlan-id",
	Syntax: Syntax{Notation: "<1-4094>", Help: "VLAN ID", Objects: "vlans/vlan"},
	Parse: func(s string) (ether.VLANID, error) {
		n, err := strconv.ParseUint(s, 10, 16)
		if err != nil && !digits(s) {
			return 0, ErrInvalid
		}
		if err != nil || !ether.VLANID(n).Valid() {
			return 0, ErrRange(int64(ether.MinVLAN), int64(ether.MaxVLAN))
		}
		return ether.VLANID(n), nil
	},
	Format: func(v ether.VLANID) string { return strconv.Itoa(int(v)) },
	Yang:   "uint16 { range \"1..4094\"; }",
	JSON:   JSONNumber,
}

// VLANList is the type of sets of VLANs written as a list with ranges, or as
// one of the words all and none.
var VLANList = Type[ether.VLANSet]{
	Name:   "vlan-list",
	Syntax: Syntax{Notation: "<1-4094>", Help: "VLAN IDs: 1,3-5,10"},
	Parse: func(s string) (ether.VLANSet, error) {
		v, err := ether.ParseVLANSet(s)
		if err != nil {
			return v, ErrList
		}
		return v, nil
	},
	Format: func(s ether.VLANSet) string { return s.String() },
}

// MAC is the type of a MAC address.
var MAC = Type[ether.MAC]{
	Name:   "mac-address",
	Syntax: Syntax{Notation: "E.E.E", Help: "MAC address"},
	Parse: func(s string) (ether.MAC, error) {
		m, err := ether.ParseMAC(s)
		if err != nil {
			return m, ErrMAC
		}
		return m, nil
	},
	Format: ether.MAC.String,
}

// IPv6 is the type of an IPv6 address without a zone.
var IPv6 = Type[netip.Addr]{
	Name:   "ipv6-address",
	Syntax: Syntax{Notation: "A:B::C:D", Help: "IPv6 address", Samples: []string{"2001:db8::1", "fd00::1"}},
	Parse: func(s string) (netip.Addr, error) {
		a, err := netip.ParseAddr(s)
		if err != nil || !a.Is6() || a.Is4In6() || a.Zone() != "" {
			return netip.Addr{}, ErrIPv6
		}
		return a, nil
	},
	Format: netip.Addr.String,
}

// IPv4 is the type of an IPv4 address.
var IPv4 = Type[netip.Addr]{
	Name:   "ipv4-address",
	Syntax: Syntax{Notation: "A.B.C.D", Help: "IP address"},
	Parse: func(s string) (netip.Addr, error) {
		a, err := netip.ParseAddr(s)
		if err != nil || !a.Is4() {
			return netip.Addr{}, ErrIPv4
		}
		return a, nil
	},
	Format: netip.Addr.String,
}
