package linecard

import (
	"cmp"
	"fmt"
	"slices"

	"trunkline/internal/ether"
	"trunkline/linecard/api"
	"trunkline/linecard/fdb"
)

// maxEntries bounds the MAC entries of one reply.
const maxEntries = 1 << 17

// macTable answers what the supervisor asks of the MAC table.
func (c *Card) macTable(q api.FDBQuery) (api.FDBReply, error) {
	var r api.FDBReply
	f := fdb.Filter{BD: q.VLAN}
	if q.MAC != "" {
		mac, err := ether.ParseMAC(q.MAC)
		if err != nil {
			return r, err
		}
		f.MAC = mac
	}
	if q.Port != "" {
		if f.Hop = c.engine.PortIndex(q.Port); f.Hop == 0 {
			return r, nil // no port, no entries
		}
	}
	table := c.engine.FDB()
	switch q.Op {
	case "clear":
		r.Dynamic = table.Clear(f)
		return r, nil
	case "count":
	case "dump":
		entries, more, err := page(table, f, q)
		if err != nil {
			return r, err
		}
		names := map[uint16]string{}
		for _, e := range entries {
			name, ok := names[e.Hop]
			if !ok {
				name = c.engine.PortName(e.Hop)
				names[e.Hop] = name
			}
			r.Entries = append(r.Entries, api.FDBEntry{
				VLAN: e.BD, MAC: e.MAC.String(), Port: name, Static: e.Static, AgeSeconds: uint32(e.Age.Seconds()),
			})
		}
		r.More = more
		if q.Limit > 0 {
			return r, nil // no count, which looks at the whole table again
		}
	default:
		return r, fmt.Errorf("unknown operation %.32q", q.Op)
	}
	r.Dynamic, r.Static = table.Counts()
	return r, nil
}

// keyOf orders entries by VLAN, then address.
func keyOf(bd uint16, mac ether.MAC) uint64 { return uint64(bd)<<48 | mac.Uint64() }

// page returns the entries of a dump, of a page in order, and whether there are
// more. The table has no order: of what has been seen, twice a page is kept.
func page(table *fdb.Table, f fdb.Filter, q api.FDBQuery) (entries []fdb.Entry, more bool, err error) {
	if q.Limit <= 0 {
		table.Dump(f, func(e fdb.Entry) bool {
			entries = append(entries, e)
			return len(entries) < maxEntries
		})
		return entries, false, nil
	}
	limit := min(q.Limit, maxEntries)
	after, before := uint64(0), ^uint64(0) // VLAN 0 has no entries
	if q.After != nil {
		mac, err := ether.ParseMAC(q.After.MAC)
		if err != nil {
			return nil, false, err
		}
		after = keyOf(q.After.VLAN, mac)
	}
	first := func() { // leaves the first of what was seen
		slices.SortFunc(entries, func(a, b fdb.Entry) int { return cmp.Compare(keyOf(a.BD, a.MAC), keyOf(b.BD, b.MAC)) })
		if len(entries) > limit {
			entries, more = entries[:limit], true
			before = keyOf(entries[limit-1].BD, entries[limit-1].MAC)
		}
	}
	table.Dump(f, func(e fdb.Entry) bool {
		switch key := keyOf(e.BD, e.MAC); {
		case key <= after:
		case key >= before:
			more = true
		default:
			if entries = append(entries, e); len(entries) == 2*limit {
				first()
			}
		}
		return true
	})
	first()
	return entries, more, nil
}
