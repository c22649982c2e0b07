package svsdomain

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"trunkline/config/schema"
	"trunkline/feature"
	"trunkline/internal/ether"
)

var words = schema.Words{"show svs": "SVS domain information"}

var shows = []feature.Show{
	{Line: "show svs domain", Words: words, Help: "Domain configuration", Run: showDomain},
	{Line: "show svs neighbors", Words: words, Help: "Supervisors and line cards of the domain", Run: showNeighbors},
}

// none stands where there is no value.
const none = "NA"

func domain(q feature.Query) string {
	if id := feature.Read(q.Running, idPath, uint32(0)); id != 0 {
		return strconv.FormatUint(uint64(id), 10)
	}
	return none
}

func showDomain(q feature.Query) (feature.Screen, error) {
	fields := strings.Fields(feature.Read(q.Running, modePath, DefaultMode))
	mode, control := fields[0], fields[len(fields)-1]
	guid := q.State.Supervisor.GUID
	if guid == "" {
		guid = none
	}
	const status = "No orchestrator connection."
	return feature.Screen{{
		Name: "svs_domain",
		Heading: fmt.Sprintf("SVS domain config:\n"+
			"  Domain id:    %s\n"+
			"  Control vlan:  NA\n"+
			"  Packet vlan:   NA\n"+
			"  L2/L3 Control mode: %s\n"+
			"  Switch guid: %s\n"+
			"  L3 control interface: %s\n"+
			"  Status: %s\n"+
			"  Control type multicast: No\n", domain(q), mode, guid, control, status),
		Rows: feature.Rows([]string{domain(q)}, nil, func(id string) []feature.Pair {
			return []feature.Pair{
				{Key: "domain_id", Value: id},
				{Key: "control_vlan", Value: none},
				{Key: "packet_vlan", Value: none},
				{Key: "l2_l3_control_mode", Value: mode},
				{Key: "switch_guid", Value: guid},
				{Key: "l3_control_interface", Value: control},
				{Key: "status", Value: status},
				{Key: "control_type_multicast", Value: "No"},
			}
		}),
	}}, nil
}

// neighbor is one line card that has a session.
type neighbor struct{ mac, kind, node, learnt string }

// Node types in the low half of a node id; the high half is the slot.
const nodeVEM = 2

func showNeighbors(q feature.Query) (feature.Screen, error) {
	var rows []neighbor
	for _, m := range q.State.Modules {
		if m.Status == feature.ModuleAbsent {
			continue
		}
		rows = append(rows, neighbor{
			mac: dashed(m.MAC), kind: "VEM", node: fmt.Sprintf("%02x%02x", m.Slot, nodeVEM),
			learnt: age(m.LastSeen, q.Now),
		})
	}
	id, own := domain(q), dashed(q.State.Supervisor.MAC)
	const format = "%-17s %-6s %-12s %-11s %s\n"
	return feature.Screen{{
		Name: "svs_neighbors",
		Keys: []feature.Pair{
			{Key: "active_domain_id", Value: id},
			{Key: "aipc_interface_mac", Value: own},
			{Key: "inband_interface_mac", Value: own},
		},
		Heading: fmt.Sprintf("Active Domain ID: %s\n\nAIPC Interface MAC: %s\nInband Interface MAC: %s\n\n", id, own, own) +
			fmt.Sprintf(format, "Src MAC", "Type", "Domain-id", "Node-id", "Last learnt (Sec. ago)") +
			strings.Repeat("-", 72) + "\n",
		Rows: feature.Rows(rows,
			func(n neighbor) string { return fmt.Sprintf(format, n.mac, n.kind, id, n.node, n.learnt) },
			func(n neighbor) []feature.Pair {
				return []feature.Pair{
					{Key: "src_mac", Value: n.mac},
					{Key: "type", Value: n.kind},
					{Key: "domain_id", Value: id},
					{Key: "node_id", Value: n.node},
					{Key: "last_learnt", Value: n.learnt},
				}
			}),
	}}, nil
}

// dashed prints a MAC address as this screen does: 5254-00aa-0002.
func dashed(m ether.MAC) string { return strings.ReplaceAll(m.String(), ".", "-") }

// age prints the seconds since a moment, "-" when there was none.
func age(then, now time.Time) string {
	if then.IsZero() {
		return "-"
	}
	return fmt.Sprintf("%.2f", max(0, now.Sub(then).Seconds()))
}
