package interfaces

import (
	"time"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/ether"
)

// updown is the type of what is up or down.
var updown = schema.Enum("up-down", schema.Keyword{Text: "up", Help: "Up"}, schema.Keyword{Text: "down", Help: "Down"})

// operational are the leaves of an interface that observed emits.
var operational = schema.Group{Leaves: schema.Augment(feature.Interfaces,
	schema.Oper("oper/kind", schema.Enum("interface-kind",
		schema.Keyword{Text: feature.Ethernet, Help: "Port on a network device of a host"},
		schema.Keyword{Text: feature.Vethernet, Help: "Port of a workload"},
		schema.Keyword{Text: feature.SVI, Help: "Interface of the switch itself in a VLAN"},
		schema.Keyword{Text: feature.Management, Help: "Port of the supervisor"}), "Kind of interface"),
	schema.Oper("oper/ifindex", schema.Uint("ifindex", "Interface index", 1, 1<<32-1), "SNMP interface index"),
	schema.Oper("oper/admin-status", updown, "Whether configuration lets the interface be up, its port-profile included"),
	schema.Oper("oper/oper-status", updown, "Whether the interface forwards"),
	schema.Oper("oper/oper-reason", schema.Text, "Why it is down, none if it is up"),
	schema.Oper("oper/last-change", schema.Moment, "Time of the last change of oper-status"),
	schema.Oper("oper/mac-address", schema.MAC, "MAC address of the adapter"),
	schema.Oper("oper/mtu", schema.Uint("oper-mtu", "MTU in bytes", 0, 1<<32-1), "MTU in force, in bytes"),
	schema.Oper("oper/speed", schema.Uint("speed", "Speed in Mbit/s", 1, 1<<32-1), "Speed in Mbit/s, while it is known and the interface is up"),
	schema.Oper("oper/module", schema.Uint("slot", "Slot of a line card", feature.FirstCard, feature.MaxModule), "Slot of the line card the interface is on"),
	schema.Oper("oper/owner", schema.Text, "Workload behind the interface"),
	schema.Oper("oper/adapter", schema.Text, "Device behind the interface"),
	schema.Oper("oper/adapter-kind", schema.Text, "Kind of the device behind the interface"),
	schema.Oper("oper/driver", schema.Text, "How the line card moves frames to and from the device"),
	schema.Oper("oper/profile", schema.Text, "Port-profile that the interface inherits"),
	schema.Oper("oper/fault", schema.Text, "Why the program of the interface could not be applied"),
	schema.Oper("oper/counters/last-clear", schema.Moment, "Time of the last clearing of the counters"),
	schema.Oper("oper/counters/carrier-transitions", schema.Counter, "Times the interface went up or down since the supervisor started"),
	schema.Oper("oper/counters/in-octets", schema.Counter, "Octets received"),
	schema.Oper("oper/counters/in-pkts", schema.Counter, "Frames received"),
	schema.Oper("oper/counters/in-unicast-pkts", schema.Counter, "Unicast frames received"),
	schema.Oper("oper/counters/in-multicast-pkts", schema.Counter, "Multicast frames received"),
	schema.Oper("oper/counters/in-broadcast-pkts", schema.Counter, "Broadcast frames received"),
	schema.Oper("oper/counters/in-jumbo-pkts", schema.Counter, "Frames longer than an ordinary one received"),
	schema.Oper("oper/counters/in-errors", schema.Counter, "Frames received that were no valid frames"),
	schema.Oper("oper/counters/in-discards", schema.Counter, "Valid frames received that were discarded"),
	schema.Oper("oper/counters/out-octets", schema.Counter, "Octets sent"),
	schema.Oper("oper/counters/out-pkts", schema.Counter, "Frames sent"),
	schema.Oper("oper/counters/out-unicast-pkts", schema.Counter, "Unicast frames sent"),
	schema.Oper("oper/counters/out-multicast-pkts", schema.Counter, "Multicast frames sent"),
	schema.Oper("oper/counters/out-broadcast-pkts", schema.Counter, "Broadcast frames sent"),
	schema.Oper("oper/counters/out-jumbo-pkts", schema.Counter, "Frames longer than an ordinary one sent"),
	schema.Oper("oper/counters/out-errors", schema.Counter, "Frames that could not be sent"),
	schema.Oper("oper/counters/out-discards", schema.Counter, "Frames meant for the interface that were discarded"),
	schema.Oper("oper/rates-30s/in-bits", schema.Counter, "Bits received per second, over 30 seconds"),
	schema.Oper("oper/rates-30s/in-pkts", schema.Counter, "Frames received per second, over 30 seconds"),
	schema.Oper("oper/rates-30s/out-bits", schema.Counter, "Bits sent per second, over 30 seconds"),
	schema.Oper("oper/rates-30s/out-pkts", schema.Counter, "Frames sent per second, over 30 seconds"),
	schema.Oper("oper/rates-300s/in-bits", schema.Counter, "Bits received per second, over 5 minutes"),
	schema.Oper("oper/rates-300s/in-pkts", schema.Counter, "Frames received per second, over 5 minutes"),
	schema.Oper("oper/rates-300s/out-bits", schema.Counter, "Bits sent per second, over 5 minutes"),
	schema.Oper("oper/rates-300s/out-pkts", schema.Counter, "Frames sent per second, over 5 minutes"),
)}

var observed = feature.Observe{
	Port: observePort, PortSamples: samplePort, System: observeMgmt, SystemSamples: sampleMgmt,
	// A port's profiles, whether its VLAN forwards, and what slot it is on.
	PortReads: []tree.Path{{{Name: "vlans"}}, {{Name: "system"}, {Name: "front-panel"}}},
}

func oper(names ...string) tree.Path {
	p := tree.Path{{Name: "oper"}}
	for _, n := range names {
		p = append(p, tree.Elem{Name: n})
	}
	return p
}

// Paths below an interface. They are made once: observing is done for every port
// of a switch, and samples are taken every second.
var (
	kindLeaf       = oper("kind")
	ifindexLeaf    = oper("ifindex")
	adminLeaf      = oper("admin-status")
	statusLeaf     = oper("oper-status")
	reasonLeaf     = oper("oper-reason")
	lastChangeLeaf = oper("last-change")
	macLeaf        = oper("mac-address")
	mtuLeaf        = oper("mtu")
	speedLeaf      = oper("speed")
	moduleLeaf     = oper("module")
	ownerLeaf      = oper("owner")
	adapterLeaf    = oper("adapter")
	adapterKind    = oper("adapter-kind")
	driverLeaf     = oper("driver")
	profileLeaf    = oper("profile")
	faultLeaf      = oper("fault")
	clearedLeaf    = oper("counters", "last-clear")
	movesLeaf      = oper("counters", "carrier-transitions")

	counterLeaves = leaves("counters", "in-octets", "in-pkts", "in-unicast-pkts", "in-multicast-pkts", "in-broadcast-pkts",
		"in-jumbo-pkts", "in-errors", "in-discards", "out-octets", "out-pkts", "out-unicast-pkts", "out-multicast-pkts",
		"out-broadcast-pkts", "out-jumbo-pkts", "out-errors", "out-discards")
	rateLeaves = [2][]tree.Path{
		leaves("rates-30s", "in-bits", "in-pkts", "out-bits", "out-pkts"),
		leaves("rates-300s", "in-bits", "in-pkts", "out-bits", "out-pkts"),
	}
)

func leaves(container string, names ...string) []tree.Path {
	all := make([]tree.Path, len(names))
	for i, n := range names {
		all[i] = oper(container, n)
	}
	return all
}

// observePort says of an interface what show interface does.
func observePort(o *feature.Observed, emit feature.Emit) {
	v := see(o.Config.Tree, o.Config.Effective(o.Name), o.Name, o.Report, o.Card)
	committed := o.Config.At
	emit(kindLeaf, v.kind, committed)
	if n := feature.IfIndex(v.name); n != 0 {
		emit(ifindexLeaf, n, committed)
	}
	emit(adminLeaf, upDown(v.admin), committed)
	since := statusSince(o, &v)
	emit(statusLeaf, v.state(), since)
	emit(lastChangeLeaf, since.UTC().Round(0), since)
	emit(reasonLeaf, v.reason, since)
	emit(mtuLeaf, v.mtu, time.Time{})
	emit(movesLeaf, o.Transitions, time.Time{})
	if v.slot != 0 {
		emit(moduleLeaf, uint32(v.slot), time.Time{})
	}
	if v.port.Mbps != 0 && v.up {
		emit(speedLeaf, v.port.Mbps, time.Time{})
	}
	if v.port.MAC != (ether.MAC{}) {
		emit(macLeaf, v.port.MAC, time.Time{})
	}
	if !v.port.Cleared.IsZero() {
		emit(clearedLeaf, v.port.Cleared.UTC().Round(0), v.port.Cleared)
	}
	text := func(p tree.Path, s string, at time.Time) {
		if s != "" {
			emit(p, s, at)
		}
	}
	text(ownerLeaf, v.owner(), committed)
	text(profileLeaf, v.profile, committed)
	text(adapterLeaf, v.adapter(), time.Time{})
	text(adapterKind, v.port.Kind, time.Time{})
	text(driverLeaf, v.port.Driver, time.Time{})
	text(faultLeaf, v.port.Error, time.Time{})
}

// statusSince returns since when the interface is up or down: as it was observed
// while that is the same, else when the card says, or when the card was lost.
func statusSince(o *feature.Observed, v *view) time.Time {
	if was, ok := o.Before.Get(statusLeaf); ok {
		if was := was.(feature.Stamped); was.Value == v.state() {
			return was.At
		}
	}
	switch {
	case v.reported && v.port.Up == v.up && !v.port.Since.IsZero():
		return v.port.Since
	case v.reason == reasonAbsent && !o.CardSince.IsZero():
		return o.CardSince
	}
	return o.At
}

func samplePort(p *feature.PortState, emit feature.Emit) {
	if feature.KindOf(p.Name) == feature.SVI {
		t := turned(*p)
		p = &t
	}
	c, f := &p.Counters, faultsOf(&p.Counters)
	for i, n := range [...]uint64{
		c.RxOctets, rxPackets(c), c.RxUnicast, c.RxMulticast, c.RxBroadcast, c.RxJumbo, f.rxErrors, f.rxDiscards + f.ifDown + f.noBuffer,
		c.TxOctets, txPackets(c), c.TxUnicast, c.TxMulticast, c.TxBroadcast, c.TxJumbo, f.txErrors, f.txDiscards,
	} {
		emit(counterLeaves[i], n, time.Time{})
	}
	for i, r := range p.Rates {
		for j, n := range [...]uint64{r.RxBits, r.RxFrames, r.TxBits, r.TxFrames} {
			emit(rateLeaves[i][j], n, time.Time{})
		}
	}
}
