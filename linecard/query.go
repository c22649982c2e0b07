package linecard

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"trunkline/internal/ether"
	"trunkline/linecard/api"
	"trunkline/linecard/fdb"
)

// maxEntries bounds the MAC entries of one reply.
const maxEntries = 1 << 17

// Query implements agent.Card: requests of the supervisor's half.
func (c *Card) Query(ctx context.Context, feature string, request []byte) ([]byte, error) {
	switch feature {
	case "mactable":
		var q api.FDBQuery
		if err := json.Unmarshal(request, &q); err != nil {
			return nil, fmt.Errorf("query %s: %w", feature, err)
		}
		r, err := c.macTable(q)
		if err != nil {
			return nil, fmt.Errorf("query %s: %w", feature, err)
		}
		return json.Marshal(r)
	case "counters":
		var q api.CountersQuery
		if err := json.Unmarshal(request, &q); err != nil {
			return nil, fmt.Errorf("query %s: %w", feature, err)
		}
		if !c.engine.ClearCounters(q.Clear) {
			return nil, fmt.Errorf("no such port: %s", q.Clear)
		}
		c.agent.Changed()
		return nil, nil
	case "execute":
		var q api.ExecuteQuery
		if err := json.Unmarshal(request, &q); err != nil {
			return nil, fmt.Errorf("query %s: %w", feature, err)
		}
		return c.execute(ctx, q.Args)
	case "datapath":
		var out bytes.Buffer
		c.showDatapath(&out)
		return out.Bytes(), nil
	}
	for _, s := range c.services {
		if s.name == feature {
			reply, err := s.Query(request)
			if err != nil {
				return nil, fmt.Errorf("query %s: %w", feature, err)
			}
			return reply, nil
		}
	}
	return nil, fmt.Errorf("%w: %s", errQuery, feature)
}

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
		names := map[uint16]string{}
		table.Dump(f, func(e fdb.Entry) bool {
			name, ok := names[e.Hop]
			if !ok {
				name = c.engine.PortName(e.Hop)
				names[e.Hop] = name
			}
			r.Entries = append(r.Entries, api.FDBEntry{
				VLAN: e.BD, MAC: e.MAC.String(), Port: name, Static: e.Static, AgeSeconds: uint32(e.Age.Seconds()),
			})
			return len(r.Entries) < maxEntries
		})
	default:
		return r, fmt.Errorf("unknown operation %.32q", q.Op)
	}
	r.Dynamic, r.Static = table.Counts()
	return r, nil
}
