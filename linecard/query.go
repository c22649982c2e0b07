package linecard

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"trunkline/linecard/api"
)

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
