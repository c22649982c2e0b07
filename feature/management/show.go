package management

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"trunkline/config/schema"
	"trunkline/feature"
)

// The VRFs of the switch, by id. In default are the switch's interfaces in VLANs:
// other ports switch, they do not route.
var contexts = []context{{1, "default"}, {2, VRF}}

// context is a VRF.
type context struct {
	id   int
	name string
}

const allVRFs = "all"

var (
	someVRF = schema.Enum("vrf-name",
		schema.Keyword{Text: allVRFs, Help: "All VRFs"},
		schema.Keyword{Text: "default", Help: "The VRF of the switch"},
		schema.Keyword{Text: VRF, Help: "The VRF of mgmt0"})
	oneVRF = schema.Enum("one-vrf",
		schema.Keyword{Text: "default", Help: "The VRF of the switch"},
		schema.Keyword{Text: VRF, Help: "The VRF of mgmt0"})
	vrfTypes    = map[string]schema.AnyType{"vrf": someVRF}
	oneVRFTypes = map[string]schema.AnyType{"vrf": oneVRF}
)

var showWords = schema.Words{
	"show ip":                       "IP information",
	"show ip interface":             "IP state of interfaces",
	"show ip interface brief":       "One line for each interface",
	"show ip interface vrf":         "Interfaces of a VRF",
	"show ip interface brief vrf":   "Interfaces of a VRF",
	"show ip route":                 "IP routes",
	"show ip route vrf":             "Routes of a VRF",
	"show ip arp":                   "ARP table",
	"show ip arp vrf":               "ARP table of a VRF",
	"show ipv6":                     "IPv6 information",
	"show ipv6 interface":           "IPv6 state of interfaces",
	"show ipv6 interface brief":     "Brief state of each interface",
	"show ipv6 interface vrf":       "Interfaces of a VRF",
	"show ipv6 interface brief vrf": "Interfaces of a VRF",
	"show ipv6 route":               "IPv6 routes",
	"show ipv6 route vrf":           "Routes of a VRF",
	"show ipv6 neighbor":            "IPv6 neighbor table",
	"show ipv6 neighbor vrf":        "Neighbor table of a VRF",
	"show vrf":                      "VRF information",
	"show vrf detail":               "Detailed information",
	"show vrf interface":            "Interfaces of VRFs",
}

var shows = []feature.Show{
	{Line: "show ip interface [brief] [<interface>]", Words: showWords, Help: "IP state of interfaces", Run: showIPInterface},
	{Line: "show ip interface [brief] vrf <vrf>", Types: vrfTypes, Words: showWords, Help: "Interfaces of a VRF", Run: showIPInterface},
	{Line: "show ipv6 interface [brief] [<interface>]", Words: showWords, Help: "IPv6 state of interfaces", Run: showIPv6Interface},
	{Line: "show ipv6 interface [brief] vrf <vrf>", Types: vrfTypes, Words: showWords, Help: "Interfaces of a VRF", Run: showIPv6Interface},
	{Line: "show ip route [vrf <vrf>]", Types: vrfTypes, Words: showWords, Help: "IP routes", Run: showIPRoute},
	{Line: "show ipv6 route [vrf <vrf>]", Types: vrfTypes, Words: showWords, Help: "IPv6 routes", Run: showIPv6Route},
	{Line: "show ip arp [vrf <vrf>]", Types: vrfTypes, Words: showWords, Help: "ARP table", Run: showARP},
	{Line: "show ipv6 neighbor [vrf <vrf>]", Types: vrfTypes, Words: showWords, Help: "IPv6 neighbor table", Run: showNeighbor},
	{Line: "show vrf [<vrf>]", Types: oneVRFTypes, Words: showWords, Help: "VRF information", Run: showVRF},
	{Line: "show vrf [<vrf>] detail", Types: oneVRFTypes, Words: showWords, Help: "Detailed information", Run: showVRFDetail},
	{Line: "show vrf [<vrf>] interface", Types: oneVRFTypes, Words: showWords, Help: "Interfaces of VRFs", Run: showVRFInterface},
}

// chosen are the VRFs that a command is about; def without one on the line.
func chosen(q feature.Query, def string) []context {
	name, ok := feature.Value[string](q.Args, "vrf")
	if !ok {
		name = def
	}
	return slices.DeleteFunc(slices.Clone(contexts), func(c context) bool { return name != allVRFs && name != c.name })
}

// ipInterface is an interface with addresses.
type ipInterface struct {
	name            string
	number          int // iod, the place among all
	context         context
	up, link, admin bool
	mtu             uint32
	prefixes4       []netip.Prefix // the first is primary
	prefixes6       []netip.Prefix
	linkLocal       netip.Addr
	since           time.Time // that it is up or down
}

// mgmtNumber is the number of mgmt0 among interfaces with addresses; 1 is that
// of Null0.
const mgmtNumber = 2

// mgmt0 is the interface with what is in force, or without a device with what
// configuration says; ok is false if there is neither.
func mgmt0(q feature.Query) (i ipInterface, ok bool) {
	sup := &q.State.Supervisor
	wanted := Of(q.Running)
	if sup.Mgmt.Name == "" && !wanted.Any {
		return i, false
	}
	i = ipInterface{
		name: feature.Mgmt0, number: mgmtNumber, context: contexts[1], admin: !wanted.Shutdown,
		link: sup.Mgmt.Up && !wanted.Shutdown, mtu: sup.Mgmt.MTU,
	}
	i.up, i.since = i.link, sup.Mgmt.Since
	all := sup.Prefixes
	if sup.Mgmt.Name == "" {
		all = slices.DeleteFunc([]netip.Prefix{wanted.IPv4, wanted.IPv6}, func(p netip.Prefix) bool { return !p.IsValid() })
	}
	i.addresses(all)
	return i, true
}

// svis are the switch's interfaces in VLANs, with what is in force, or while they
// are down what configuration says.
func svis(q feature.Query) []ipInterface {
	var all []ipInterface
	for name := range feature.Configured(q.Running) {
		if feature.KindOf(name) != feature.SVI {
			continue
		}
		i := ipInterface{
			name: name, number: mgmtNumber + 1 + len(all), context: contexts[0],
			admin: feature.AdminState(q.Running, q.Running.Sub(feature.InterfacePath(name)), name) == "",
			mtu:   feature.Read(q.Running, feature.InterfacePath(name, "mtu"), uint32(1500)),
		}
		prefixes := feature.Addresses(q.Running, name)
		for _, s := range q.State.Supervisor.SVIs {
			if s.Name == name && s.Up && i.admin {
				i.link, prefixes, i.since = true, s.Prefixes, s.Since
			}
		}
		i.up = i.link
		i.addresses(prefixes)
		all = append(all, i)
	}
	return all
}

// own are the supervisor's own interfaces of a VRF.
func own(q feature.Query, c context) []ipInterface {
	if c == contexts[0] {
		return svis(q)
	}
	if i, ok := mgmt0(q); ok {
		return []ipInterface{i}
	}
	return nil
}

// addresses sorts addresses by family.
func (i *ipInterface) addresses(all []netip.Prefix) {
	for _, p := range all {
		if p.Addr().Is4() {
			i.prefixes4 = append(i.prefixes4, p)
		} else {
			i.prefixes6 = append(i.prefixes6, p)
		}
	}
}

// asked are the VRFs a command about interfaces prints, with their interfaces.
func asked(q feature.Query) ([]context, map[string][]ipInterface, error) {
	all := map[string][]ipInterface{}
	for _, c := range contexts {
		all[c.name] = own(q, c)
	}
	name, one := feature.Value[string](q.Args, "interface")
	switch {
	case !one:
		return chosen(q, contexts[0].name), all, nil
	case name == feature.Mgmt0 && len(all[VRF]) > 0:
		return contexts[1:], all, nil
	case feature.KindOf(name) == feature.SVI:
		for _, i := range all[contexts[0].name] {
			if i.name == name {
				return contexts[:1], map[string][]ipInterface{i.context.name: {i}}, nil
			}
		}
	case name != feature.Mgmt0 && slices.Contains(q.Ports(), name):
		return contexts[:1], nil, nil // it switches
	}
	return nil, nil, feature.NoInterface(name)
}

// stack asks for what the IP stack of an interface has, once a command needs it.
func stack(q feature.Query, name string) (feature.Stack, error) {
	if q.Stack == nil {
		return feature.Stack{}, nil
	}
	s, err := q.Stack(name)
	if err != nil {
		return s, feature.Error("ERROR: " + err.Error())
	}
	return s, nil
}

func upDown(up bool) string {
	if up {
		return "up"
	}
	return "down"
}

// age is a time of the past as routing tables print it.
func age(d time.Duration) string {
	d = max(d, 0)
	switch days := int(d.Hours()) / 24; {
	case days >= 7:
		return fmt.Sprintf("%dw%dd", days/7, days%7)
	case days > 0:
		return fmt.Sprintf("%dd%02dh", days, int(d.Hours())%24)
	}
	return fmt.Sprintf("%02d:%02d:%02d", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
}
