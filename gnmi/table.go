package gnmi

import (
	"fmt"
	"strings"

	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/gnmi/openconfig"
)

// entries is one container or list of the OpenConfig table: which of the
// product's entries it shows, and how their leaves correspond.
type entries struct {
	// Path is the OpenConfig path; a list inside another gives the keys of those
	// above: "network-instances/network-instance[default]/vlans/vlan".
	path string
	// Product is the path of names of the product's list or container.
	product string
	// Instance is the key of the only entry, where the product has no list.
	instance string
	// Prefix stands before the product's key in that of OpenConfig: "Module".
	prefix string
	// Keeps reports whether an entry is there without being configured, and so is
	// reset when it is deleted. The lists' own permanent entries are besides.
	keeps func(key string) bool
	rows  []row

	at       tree.Path // of path; the last key is that of the entry
	place    tree.Path // of product
	isList   bool      // of the product
	openList bool      // of OpenConfig
}

// row is one leaf of an entry. One of Key, Fixed and Leaf says where its value
// is from.
type row struct {
	path  string // below the entry: "config/mtu"
	key   bool
	fixed string // a constant
	// Kinds are constants of some kinds of interface instead; only is the kind that
	// alone has the row, "" for all.
	kinds map[string]string
	only  string
	// Leaf is the product's leaf, relative to its entry. Under config it is what
	// a write changes.
	leaf string
	// As converts between the product's values and OpenConfig's; the zero value
	// does nothing.
	as convert
	// Moving leaves are among the samples.
	moving bool
	// Each makes one entry of a list without keys of each word of the value; path
	// then is that of a leaf in the list's entries.
	each func(any) []string
	// InForce shows the value in force where the entry sets none itself.
	inForce bool

	node *node
	rel  tree.Path // of leaf
	sub  tree.Path // of path
}

// table is the whole correspondence of OpenConfig and the product.
func table() []entries {
	return []entries{
		{path: "interfaces/interface", product: "interfaces/interface", keeps: physical, rows: interfaceRows()},
		{path: "network-instances/network-instance", instance: "default", rows: []row{
			{path: "name", key: true},
			{path: "config/name", key: true},
			{path: "state/name", key: true},
			{path: "config/type", fixed: "openconfig-network-instance-types:DEFAULT_INSTANCE"},
			{path: "state/type", fixed: "openconfig-network-instance-types:DEFAULT_INSTANCE"},
		}},
		{path: "network-instances/network-instance[default]/vlans/vlan", product: "vlans/vlan", rows: []row{
			{path: "vlan-id", key: true},
			{path: "config/vlan-id", key: true},
			{path: "state/vlan-id", key: true},
			{path: "config/name", leaf: "name"},
			{path: "state/name", leaf: "oper/name"},
			{path: "config/status", leaf: "state", as: words("active", "ACTIVE", "suspend", "SUSPENDED")},
			{path: "state/status", leaf: "oper/status", as: words("active", "ACTIVE", "suspended", "SUSPENDED")},
			{path: "members/member/state/interface", leaf: "oper/members", each: fields},
		}},
		{path: "system", product: "system", rows: []row{
			{path: "config/hostname", leaf: "hostname"},
			{path: "state/hostname", leaf: "oper/hostname"},
			{path: "state/software-version", leaf: "oper/version"},
			{path: "state/boot-time", leaf: "oper/boot-time", as: nanoseconds},
			{path: "state/last-configuration-timestamp", leaf: "oper/last-configuration", as: nanoseconds},
			{path: "state/current-datetime", leaf: "oper/current-datetime", as: dateTime, moving: true},
			{path: "state/up-time", leaf: "oper/up-time", as: perSecond, moving: true},
		}},
		{path: "components/component", product: "system", instance: "Chassis", rows: []row{
			{path: "name", key: true},
			{path: "config/name", key: true},
			{path: "state/name", key: true},
			{path: "state/type", fixed: "openconfig-platform-types:CHASSIS"},
			{path: "state/oper-status", fixed: "openconfig-platform-types:ACTIVE"},
			{path: "state/id", leaf: "oper/guid"},
			{path: "state/serial-no", leaf: "oper/serial"},
			{path: "state/software-version", leaf: "oper/version"},
		}},
		{path: "components/component", product: "system", instance: "Module1", rows: []row{
			{path: "name", key: true},
			{path: "config/name", key: true},
			{path: "state/name", key: true},
			{path: "state/type", fixed: "openconfig-platform-types:CONTROLLER_CARD"},
			{path: "state/parent", fixed: "Chassis"},
			{path: "state/oper-status", fixed: "openconfig-platform-types:ACTIVE"},
			{path: "state/redundant-role", fixed: "PRIMARY"},
			{path: "state/software-version", leaf: "oper/version"},
			{path: "state/last-reboot-time", leaf: "oper/start-time", as: nanoseconds},
		}},
		{path: "components/component", product: "vems/vem", prefix: "Module", rows: []row{
			{path: "name", key: true},
			{path: "config/name", key: true},
			{path: "state/name", key: true},
			{path: "state/type", fixed: "openconfig-platform-types:LINECARD"},
			{path: "state/parent", fixed: "Chassis"},
			{path: "state/removable", fixed: "true"},
			{path: "state/empty", leaf: "oper/status", as: isWord("absent")},
			{path: "state/oper-status", leaf: "oper/status", as: words(
				"ok", "openconfig-platform-types:ACTIVE",
				"powered-up", "openconfig-platform-types:INACTIVE",
				"absent", "openconfig-platform-types:INACTIVE")},
			{path: "state/id", leaf: "oper/uuid"},
			{path: "state/location", leaf: "oper/host"},
			{path: "state/software-version", leaf: "oper/version"},
			{path: "linecard/state/slot-id", key: true, as: without("Module")},
		}},
	}
}

// interfaceRows are the leaves of /interfaces/interface. Config is what is set
// on the port itself, state what is in force, port-profile included.
func interfaceRows() []row {
	types := map[string]string{feature.SVI: "iana-if-type:l3ipvlan"}
	rows := []row{
		{path: "name", key: true},
		{path: "config/name", key: true},
		{path: "state/name", key: true},
		{path: "config/type", fixed: "iana-if-type:ethernetCsmacd", kinds: types},
		{path: "state/type", fixed: "iana-if-type:ethernetCsmacd", kinds: types},
		{path: "routed-vlan/config/vlan", key: true, only: feature.SVI, as: without("Vlan")},
		{path: "routed-vlan/state/vlan", key: true, only: feature.SVI, as: without("Vlan")},
		{path: "config/description", leaf: "description"},
		{path: "state/description", leaf: "description"},
		{path: "config/enabled", leaf: "shutdown", as: opposite, inForce: true},
		{path: "state/enabled", leaf: "oper/admin-status", as: isWord("up")},
		{path: "config/mtu", leaf: "mtu"},
		{path: "state/mtu", leaf: "oper/mtu"},
		{path: "state/admin-status", leaf: "oper/admin-status", as: words("up", "UP", "down", "DOWN")},
		{path: "state/oper-status", leaf: "oper/oper-status", as: words("up", "UP", "down", "DOWN")},
		{path: "state/last-change", leaf: "oper/last-change", as: nanoseconds},
		{path: "state/ifindex", leaf: "oper/ifindex"},
		{path: "state/logical", leaf: "oper/kind", as: isWord("vethernet")},
		{path: "state/management", leaf: "oper/kind", as: isWord("management")},
		{path: "state/cpu", fixed: "false"},
		{path: "ethernet/state/mac-address", leaf: "oper/mac-address", as: colons},
		{path: "ethernet/state/hw-mac-address", leaf: "oper/mac-address", as: colons},
		{path: "ethernet/state/port-speed", leaf: "oper/speed", as: speeds},
		{path: "ethernet/state/negotiated-port-speed", leaf: "oper/speed", as: speeds},
		{path: "ethernet/state/negotiated-duplex-mode", leaf: "oper/speed", as: always("FULL")},
		{path: "ethernet/switched-vlan/config/interface-mode", leaf: "switchport/mode", as: words("access", "ACCESS", "trunk", "TRUNK")},
		{path: "ethernet/switched-vlan/config/access-vlan", leaf: "switchport/access-vlan"},
		{path: "ethernet/switched-vlan/config/native-vlan", leaf: "switchport/trunk/native-vlan"},
		{path: "ethernet/switched-vlan/config/trunk-vlans", leaf: "switchport/trunk/allowed-vlans", as: vlanRanges},
		{path: "ethernet/switched-vlan/state/interface-mode", leaf: "oper/switchport/mode", as: words("access", "ACCESS", "trunk", "TRUNK")},
		{path: "ethernet/switched-vlan/state/access-vlan", leaf: "oper/switchport/access-vlan"},
		{path: "ethernet/switched-vlan/state/native-vlan", leaf: "oper/switchport/native-vlan"},
		{path: "ethernet/switched-vlan/state/trunk-vlans", leaf: "oper/switchport/allowed-vlans", as: vlanRanges},
		{path: "state/counters/carrier-transitions", leaf: "oper/counters/carrier-transitions"},
		{path: "state/counters/last-clear", leaf: "oper/counters/last-clear", as: nanoseconds},
	}
	for _, name := range []string{
		"in-octets", "in-pkts", "in-unicast-pkts", "in-multicast-pkts", "in-broadcast-pkts", "in-discards", "in-errors",
		"out-octets", "out-pkts", "out-unicast-pkts", "out-multicast-pkts", "out-broadcast-pkts", "out-discards", "out-errors",
	} {
		rows = append(rows, row{path: "state/counters/" + name, leaf: "oper/counters/" + name, moving: true})
	}
	return rows
}

// constant is the value of a row with a fixed one, for the entry of a key.
func (r *row) constant(key string) string {
	if v, ok := r.kinds[feature.KindOf(key)]; ok {
		return v
	}
	return r.fixed
}

// keyOf returns the OpenConfig key of a product's entry, and entryOf the
// reverse.
func (e *entries) keyOf(entry string) string {
	if e.instance != "" {
		return e.instance
	}
	return e.prefix + entry
}

func (e *entries) entryOf(key string) (string, bool) {
	if e.instance != "" {
		return "", key == e.instance
	}
	rest, ok := strings.CutPrefix(key, e.prefix)
	return rest, ok && rest != ""
}

// product returns the path of the product's entry of a key.
func (e *entries) productAt(entry string) tree.Path {
	if !e.isList {
		return e.place
	}
	return e.place.Parent().Entry(e.place[len(e.place)-1].Name, entry)
}

// open returns the OpenConfig path of the entry of a key.
func (e *entries) openAt(key string) tree.Path {
	last := e.at[len(e.at)-1]
	if !e.openList {
		return e.at
	}
	return e.at.Parent().Entry(last.Name, key)
}

// compile builds the schema of OpenConfig: all leaves that are known, with those
// that the table serves marked. An error is a mistake in the table.
func compile(all []entries, isList func(product string) bool) (*node, error) {
	root := &node{served: true}
	for _, l := range openconfig.Leaves() {
		n := root
		for _, s := range l.Path {
			n = n.add(s.Name, s.Module)
			if s.Keys != nil {
				n.keys = s.Keys
			}
		}
		n.leaf = &leaf{kind: kinds[l.Type], names: l.Names, many: l.List}
		switch {
		case n.isKey():
			n.leaf.class = keyLeaf
		case l.State:
			n.leaf.class = stateLeaf
			other := n.parent.parent.child("config")
			n.leaf.mirror = n.parent.name == "state" && other != nil && other.child(n.name) != nil
		}
	}
	for i := range all {
		e := &all[i]
		var err error
		if e.at, err = tree.Parse(e.path); err != nil {
			return nil, err
		}
		if e.place, err = tree.Parse(e.product); err != nil {
			return nil, err
		}
		e.isList = e.product != "" && isList(e.product)
		list := root.at(e.at)
		if list == nil {
			return nil, fmt.Errorf("openconfig table: %s is not known", e.path)
		}
		list.entries = append(list.entries, e)
		e.openList = list.list()
		for j := range e.rows {
			r := &e.rows[j]
			if r.sub, err = tree.Parse(r.path); err != nil {
				return nil, err
			}
			if r.rel, err = tree.Parse(r.leaf); err != nil {
				return nil, err
			}
			if r.node = list.at(r.sub); r.node == nil || r.node.leaf == nil {
				return nil, fmt.Errorf("openconfig table: %s/%s is not known", e.path, r.path)
			}
			if r.each != nil {
				// A list without keys: its entries are told apart by their leaf.
				r.node.parent.parent.keys, r.node.parent.parent.keyless = []string{r.node.name}, true
			}
			if r.node.leaf.row == nil || r.node.leaf.row.leaf == "" {
				r.node.leaf.row = r
			}
			r.node.serve(r.moving)
		}
	}
	return root, nil
}
