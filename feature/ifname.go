package feature

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"trunkline/config/schema"
	"trunkline/internal/ether"
)

// Limits of interface numbers (cli.md §9.6, §15).
const (
	MaxVethernet = 1048575
	MaxModule    = 258 // 2 supervisors and 256 line cards
	MaxUplink    = 1000
)

// slotPort is M/P of an Ethernet.
var slotPort = schema.Type[string]{
	Name:   "slot-port",
	Syntax: schema.Syntax{Notation: "<1-258>/<1-1000>", Help: "Module and port number"},
	Parse: func(s string) (string, error) {
		m, p, ok := strings.Cut(s, "/")
		mod, err1 := strconv.Atoi(m)
		port, err2 := strconv.Atoi(p)
		if !ok || err1 != nil || err2 != nil {
			return "", schema.ErrInterface
		}
		if mod < 1 || mod > MaxModule {
			return "", schema.ErrRange(1, MaxModule)
		}
		if port < 1 || port > MaxUplink {
			return "", schema.ErrRange(1, MaxUplink)
		}
		return fmt.Sprintf("%d/%d", mod, port), nil
	},
	Format: func(s string) string { return s },
}

var (
	vethNumber = schema.Uint("vethernet-number", "Vethernet interface number", 1, MaxVethernet)
	sviNumber  = schema.Uint("svi-number", "VLAN interface number", 1, 4094)
)

// Interface is the type of interface names: "Ethernet3/1", "Vethernet12",
// "Vlan10", "mgmt0". The keyword and the number may be written together or apart.
var Interface = schema.Type[string]{
	Name: "interface",
	Syntax: schema.Syntax{
		Forms: []string{"Ethernet~<slot-port>", "Vethernet~<number>", "Vlan~<svi>", Mgmt0},
		Types: map[string]schema.AnyType{"slot-port": slotPort, "number": vethNumber, "svi": sviNumber},
		Words: schema.Words{
			"Ethernet":  "Ethernet IEEE 802.3z",
			"Vethernet": "Virtual Ethernet interface",
			"Vlan":      "Interface of the switch itself in a VLAN",
			Mgmt0:       "Management interface of the supervisor",
		},
		Objects: "interfaces/interface",
	},
	Parse: func(s string) (string, error) {
		if !canonicalName.MatchString(s) || KindOf(s) == SVI && SVIVLAN(s) == 0 {
			return "", schema.ErrInterface
		}
		return s, nil
	},
	Format: func(s string) string { return s },
	Yang:   `string { pattern "Ethernet[0-9]+/[0-9]+|Vethernet[0-9]+|Vlan[0-9]+|mgmt0"; }`,
}

var canonicalName = regexp.MustCompile(`^(Ethernet[1-9][0-9]{0,2}/[1-9][0-9]{0,3}|Vethernet[1-9][0-9]{0,6}|Vlan[1-9][0-9]{0,3}|mgmt0)$`)

// Mgmt0 is the name of the only interface of kind Management.
const Mgmt0 = "mgmt0"

// SVIVLAN returns the VLAN that an interface of kind SVI is in, 0 for other names.
func SVIVLAN(name string) ether.VLANID {
	n, ok := strings.CutPrefix(name, "Vlan")
	id, err := strconv.ParseUint(n, 10, 16)
	if !ok || err != nil || !ether.VLANID(id).Valid() {
		return 0
	}
	return ether.VLANID(id)
}

// KindOf returns Ethernet, Vethernet, SVI or Management for an interface name, ""
// for others.
func KindOf(name string) string {
	switch {
	case strings.HasPrefix(name, "Ethernet"):
		return Ethernet
	case strings.HasPrefix(name, "Vethernet"):
		return Vethernet
	case strings.HasPrefix(name, "Vlan"):
		return SVI
	case name == Mgmt0:
		return Management
	}
	return ""
}

// ShortName returns the name as tables print it: "Eth3/1", "Veth12".
func ShortName(name string) string {
	if n, ok := strings.CutPrefix(name, "Ethernet"); ok {
		return "Eth" + n
	}
	if n, ok := strings.CutPrefix(name, "Vethernet"); ok {
		return "Veth" + n
	}
	return name
}

// NamePort returns module (as named, not the slot) and port of an Ethernet, or
// 0 and the number of a Vethernet or SVI; zeros for other names.
func NamePort(name string) (module, port int) {
	if n, ok := strings.CutPrefix(name, "Vethernet"); ok {
		port, _ = strconv.Atoi(n)
		return 0, port
	}
	if KindOf(name) == SVI {
		return 0, int(SVIVLAN(name))
	}
	n, ok := strings.CutPrefix(name, "Ethernet")
	m, p, cut := strings.Cut(n, "/")
	if !ok || !cut {
		return 0, 0
	}
	module, _ = strconv.Atoi(m)
	port, _ = strconv.Atoi(p)
	return module, port
}

// CompareNames orders interface names as cli.md §1: mgmt0, Ethernet by module
// and port, Vethernet by number, then SVIs by VLAN.
func CompareNames(a, b string) int {
	ma, pa := NamePort(a)
	mb, pb := NamePort(b)
	if (a == Mgmt0) != (b == Mgmt0) {
		if a == Mgmt0 {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(KindOf(a), KindOf(b)), cmp.Compare(ma, mb), cmp.Compare(pa, pb), cmp.Compare(a, b))
}
