package module

import (
	"strings"
	"time"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/ether"
)

// statuses are the words for feature.ModuleStatus.
var statuses = schema.Enum("module-status",
	schema.Keyword{Text: "absent", Help: "No session"},
	schema.Keyword{Text: "powered-up", Help: "Session, and the first program not acknowledged"},
	schema.Keyword{Text: "ok", Help: "Session, and the program acknowledged"},
)

// operational are the leaves of a slot.
var operational = schema.Group{Leaves: schema.Augment([]string{"vems/vem"},
	schema.Oper("oper/status", statuses, "Where the line card is in its life"),
	schema.Oper("oper/since", schema.Moment, "Time of the last change of status"),
	schema.Oper("oper/uuid", uuidType, "UUID of the host that is or was attached"),
	schema.Oper("oper/host", schema.Text, "Name of the host"),
	schema.Oper("oper/address", schema.Text, "Address the line card is or was attached from"),
	schema.Oper("oper/version", schema.Text, "Version of the line card's software"),
	schema.Oper("oper/os", schema.Text, "Operating system of the host"),
	schema.Oper("oper/mac-address", schema.MAC, "Base MAC address of the line card"),
	schema.Oper("oper/desired-generation", schema.Counter, "Generation of the program the line card is to have"),
	schema.Oper("oper/applied-generation", schema.Counter, "Generation of the program the line card has applied"),
	schema.Oper("oper/unsupported", schema.Text, "Features that the line card cannot apply"),
	schema.Oper("oper/last-seen", schema.Moment, "Time of the last message from the line card"),
	schema.Oper("oper/counters/heartbeats-in", schema.Counter, "Heartbeats received"),
	schema.Oper("oper/counters/heartbeats-out", schema.Counter, "Heartbeats sent"),
	schema.Oper("oper/counters/node-requests", schema.Counter, "Requests of the line card to be admitted"),
	schema.Oper("oper/counters/insertions", schema.Counter, "Times the line card came online"),
	schema.Oper("oper/counters/removals", schema.Counter, "Times the line card went"),
	schema.Oper("oper/counters/send-errors", schema.Counter, "Messages that the line card did not take"),
)}

func oper(names ...string) tree.Path {
	p := tree.Path{{Name: "oper"}}
	for _, n := range names {
		p = append(p, tree.Elem{Name: n})
	}
	return p
}

func observe(m *feature.Module, emit feature.Emit) {
	emit(oper("status"), statuses.Syntax.Keywords[m.Status].Text, m.Since)
	if !m.Since.IsZero() {
		emit(oper("since"), m.Since.UTC().Round(0), m.Since)
	}
	for _, l := range []struct{ name, value string }{
		{"uuid", m.UUID}, {"host", m.Host}, {"address", m.Address}, {"version", m.Version}, {"os", m.OS},
		{"unsupported", strings.Join(m.Unsupported, " ")},
	} {
		if l.value != "" {
			emit(oper(l.name), l.value, time.Time{})
		}
	}
	if m.MAC != (ether.MAC{}) {
		emit(oper("mac-address"), m.MAC, time.Time{})
	}
	emit(oper("desired-generation"), m.Desired, time.Time{})
	emit(oper("applied-generation"), m.Applied, time.Time{})
}

func sample(m *feature.Module, emit feature.Emit) {
	if !m.LastSeen.IsZero() {
		emit(oper("last-seen"), m.LastSeen.UTC().Round(0), m.LastSeen)
	}
	for _, l := range []struct {
		name  string
		value uint64
	}{
		{"heartbeats-in", m.HeartbeatsIn}, {"heartbeats-out", m.HeartbeatsOut}, {"node-requests", m.NodeRequestsIn},
		{"insertions", m.Insertions}, {"removals", m.Removals}, {"send-errors", m.SendErrors},
	} {
		emit(oper("counters", l.name), l.value, time.Time{})
	}
}
