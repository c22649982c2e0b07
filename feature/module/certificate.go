package module

import (
	"fmt"
	"slices"
	"time"

	"trunkline/feature"
)

// Admission states of a host.
const (
	admitted    = "admitted"     // its card is attached
	enrolled    = "enrolled"     // its key is known, its card is not there
	refused     = "refused"      // its card tries and is not let in
	notEnrolled = "not-enrolled" // the slot is bound to it, no card has come
)

// hostRow is one host as show module vem certificate has it.
type hostRow struct {
	slot  int // 0: bound to none
	uuid  string
	state string
	feature.HostKey
}

// hostRows joins slots and keys: by slot, then the hosts without one.
func hostRows(q feature.Query) []hostRow {
	keys := slices.Clone(q.State.Hosts)
	var rows []hostRow
	for _, m := range slots(q) {
		if m.UUID == "" {
			continue
		}
		r := hostRow{slot: m.Slot, uuid: m.UUID}
		if i := slices.IndexFunc(keys, func(k feature.HostKey) bool { return k.UUID == m.UUID }); i >= 0 {
			r.HostKey = keys[i]
			keys = slices.Delete(keys, i, i+1)
		}
		r.state = r.admission(m.Status != feature.ModuleAbsent)
		rows = append(rows, r)
	}
	for _, k := range keys {
		r := hostRow{uuid: k.UUID, HostKey: k}
		r.state = r.admission(false)
		rows = append(rows, r)
	}
	return rows
}

func (r hostRow) admission(live bool) string {
	switch {
	case live:
		return admitted
	case r.Refused != "":
		return refused
	case r.Fingerprint != "":
		return enrolled
	}
	return notEnrolled
}

func showCertificate(q feature.Query) (feature.Screen, error) {
	const rule = "---  ------------------------------------  ------------  --------------------\n"
	since := func(r hostRow) string {
		if r.Fingerprint == "" {
			return "-"
		}
		return r.Since.In(q.Now.Location()).Format(time.DateTime)
	}
	return feature.Screen{
		feature.Text("Chassis: SHA256 " + or(q.State.Supervisor.Fingerprint) + "\n\n"),
		{
			Name:    "vem_certificate",
			Heading: "Mod  Server-UUID                           State         Key since\n" + rule,
			Rows: feature.Rows(hostRows(q), func(r hostRow) string {
				slot := "-"
				if r.slot != 0 {
					slot = fmt.Sprint(r.slot)
				}
				text := fmt.Sprintf("%-4s %-37s %-13s %s\n", slot, r.uuid, r.state, since(r))
				if r.Fingerprint != "" {
					text += "     SHA256 " + r.Fingerprint + "\n"
				}
				if r.state == refused {
					text += fmt.Sprintf("     Refused: %.115s\n", r.Refused)
				}
				return text
			}, func(r hostRow) []feature.Pair {
				return []feature.Pair{{Key: "mod", Value: r.slot}, {Key: "server_uuid", Value: r.uuid},
					{Key: "state", Value: r.state}, {Key: "since", Value: since(r)},
					{Key: "fingerprint", Value: r.Fingerprint}, {Key: "refused", Value: r.Refused}}
			}),
		},
	}, nil
}
