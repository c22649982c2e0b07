package feature

import (
	"iter"
	"strconv"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/internal/ether"
)

// VNI is the type of VXLAN segment numbers (cli.md §9.4).
var VNI = schema.Uint("vni", "VXLAN segment id", 4096, 16777215)

// Segments yields the VLANs that have a VXLAN segment, in order, with its number.
func Segments(t tree.Tree) iter.Seq2[ether.VLANID, uint32] {
	return func(yield func(ether.VLANID, uint32) bool) {
		for key := range t.Keys(tree.Path{{Name: "vlans"}, {Name: "vlan"}}) {
			n, err := strconv.ParseUint(key, 10, 16)
			vni := Read(t, tree.Path{{Name: "vlans"}, {Name: "vlan", Key: key}, {Name: "vn-segment"}}, uint32(0))
			if err == nil && vni != 0 && !yield(ether.VLANID(n), vni) {
				return
			}
		}
	}
}
