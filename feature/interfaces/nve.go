package interfaces

import (
	"fmt"

	"trunkline/config/tree"
	"trunkline/feature"
)

// nveMTU is what NX-OS says of every NVE interface, in bytes.
const nveMTU = 9216

// nve is the interface of tunnels, as configuration has it.
type nve struct {
	name, description string
	up                bool
}

// reason is why it is down.
func (n nve) reason() string {
	if n.up {
		return reasonNone
	}
	return feature.AdminDown
}

// nves returns the NVE interfaces, none if other interfaces are asked for.
func nves(q feature.Query) []nve {
	if _, ok := q.Args.Values["interface"]; ok {
		return nil
	}
	var all []nve
	list := tree.Path{{Name: "nves"}, {Name: "nve"}}
	for key := range q.Running.Keys(list) {
		at := list.Parent().Entry(list[1].Name, key)
		all = append(all, nve{
			name: "nve" + key, description: feature.Read(q.Running, at.Child("description"), ""),
			up: !feature.Read(q.Running, at.Child("shutdown"), true),
		})
	}
	return all
}

// nveBrief is the section of show interface brief (cli.md §11.4).
func nveBrief(q feature.Query) feature.Section {
	return feature.Section{
		Heading: "\n" + rule80 + "Port       Status Reason                         MTU\n" + rule80,
		Rows: feature.Rows(nves(q), func(n nve) string {
			return fmt.Sprintf("%-10s %-6s %-30s %d\n", n.name, upDown(n.up), n.reason(), nveMTU)
		}, func(n nve) []feature.Pair {
			return pairs("interface", n.name, "state", upDown(n.up), "state_rsn_desc", n.reason(), "mtu", fmt.Sprint(nveMTU))
		}),
	}
}
