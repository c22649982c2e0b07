package management

import (
	"time"

	"trunkline/config/schema"
	"trunkline/feature"
)

// operational are the leaves of mgmt0 that observe emits.
var operational = schema.Group{Leaves: schema.Augment(feature.Interfaces,
	schema.Oper("oper/ipv4", feature.Interface4, "First IP address in force and the length of its subnet"),
	schema.Oper("oper/ipv6", feature.Interface6, "First IPv6 address in force and the length of its subnet"),
)}

func observe(s *feature.Supervisor, emit feature.Emit) {
	seen := map[string]bool{}
	for _, p := range s.Prefixes {
		leaf := "ipv6"
		if p.Addr().Is4() {
			leaf = "ipv4"
		}
		if !seen[leaf] {
			seen[leaf] = true
			emit(feature.InterfacePath(feature.Mgmt0, "oper", leaf), p, time.Time{})
		}
	}
}
