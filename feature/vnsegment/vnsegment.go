// Package vnsegment is the feature of VXLAN segments that VLANs belong to: which
// number a VLAN's frames have between VTEPs (cli.md §9.15). What carries them is
// another feature's: interface nve.
//
// The feature is off until feature vn-segment-vlan-based.
package vnsegment

import (
	"fmt"
	"strconv"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/ether"
)

// Config is what an operator sets on a VLAN.
type Config struct{ VNI uint32 }

// Feature is the feature.
var Feature = feature.Gate("VLAN based VN segment", feature.Feature{
	Name: "vn-segment-vlan-based",
	Schema: schema.Group{
		Leaves: schema.Augment([]string{"vlans/vlan"},
			schema.Bind("vn-segment", feature.VNI, func(c *Config) *uint32 { return &c.VNI },
				"vn-segment <vni>", "VN Segment id of the VLAN")),
	},
	Check: check,
	Show:  shows,
})

// check refuses a segment with two VLANs.
func check(c feature.Candidate) []schema.Problem {
	if !c.Changed(tree.Path{{Name: "vlans"}}) {
		return nil
	}
	var problems []schema.Problem
	taken := map[uint32]ether.VLANID{}
	for vlan, vni := range feature.Segments(c.New) {
		if other, ok := taken[vni]; ok {
			problems = append(problems, schema.Problem{
				Path: feature.VLANPath(vlan, "vn-segment"), Rule: "vn-segment-unique",
				Text: fmt.Sprintf("ERROR: VN segment %d is in use by VLAN %d.", vni, other),
			})
			continue
		}
		taken[vni] = vlan
	}
	return problems
}

var words = schema.Words{
	"show vxlan": "VLANs and their VN segments", "show vlan": "VLAN information", "show vlan id": "VLAN status by VLAN id",
	"show vlan id vn-segment": "VN segment of the VLAN",
}

var shows = []feature.Show{
	{Line: "show vxlan", Words: words, Help: "VLANs and their VN segments", Run: showAll},
	{
		Line: "show vlan id <vlan-id> vn-segment", Words: words, Help: "VN segment of the VLAN",
		Types: map[string]schema.AnyType{"vlan-id": schema.VLAN}, Run: showVLAN,
	},
}

type row struct {
	vlan ether.VLANID
	vni  uint32
}

func rows(t tree.Tree) []row {
	var all []row
	for vlan, vni := range feature.Segments(t) {
		all = append(all, row{vlan, vni})
	}
	return all
}

func (r row) keys() []feature.Pair {
	return []feature.Pair{{Key: "vlan", Value: int(r.vlan)}, {Key: "vnsegment", Value: r.vni}}
}

// showAll is show vxlan (cli.md §11.24).
func showAll(q feature.Query) (feature.Screen, error) {
	return feature.Screen{{
		Name:    "vxlan",
		Heading: "Vlan            VN-Segment\n====            ==========\n",
		Rows: feature.Rows(rows(q.Running),
			func(r row) string { return fmt.Sprintf("%-15d %d\n", r.vlan, r.vni) }, row.keys),
	}}, nil
}

func showVLAN(q feature.Query) (feature.Screen, error) {
	id, _ := feature.Value[ether.VLANID](q.Args, "vlan-id")
	if !feature.VLANExists(q.Running, id) {
		return nil, feature.Error("ERROR: VLAN does not exist: " + strconv.Itoa(int(id)))
	}
	var of []row
	if vni := feature.Read(q.Running, feature.VLANPath(id, "vn-segment"), uint32(0)); vni != 0 {
		of = []row{{id, vni}}
	}
	return feature.Screen{{
		Name:    "vn_segment",
		Heading: "VLAN Segment-id\n---- -----------\n",
		Rows:    feature.Rows(of, func(r row) string { return fmt.Sprintf("%-4d %d\n", r.vlan, r.vni) }, row.keys),
	}}, nil
}
