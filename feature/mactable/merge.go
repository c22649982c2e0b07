package mactable

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"trunkline/feature"
	"trunkline/internal/ether"
	"trunkline/linecard/api"
)

// askTime bounds a question to a card.
const askTime = 5 * time.Second

// entry is one address of one card's table.
type entry struct {
	module int
	vlan   ether.VLANID
	mac    ether.MAC
	api.FDBEntry
}

// answer is what one card said.
type answer struct {
	module int
	reply  api.FDBReply
	err    error
}

// ask puts the same question to all cards that are in service, at once, and
// returns their answers by slot. Slot limits it to one card; 0 means all.
func ask(ctx context.Context, q feature.Query, slot int, request api.FDBQuery) ([]answer, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("encode query: %w", err)
	}
	var answers []answer
	for _, m := range q.State.Modules {
		if m.Status == feature.ModuleOK && (slot == 0 || slot == m.Slot) {
			answers = append(answers, answer{module: m.Slot})
		}
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	var wait sync.WaitGroup
	for i := range answers {
		wait.Go(func() {
			a := &answers[i]
			reply, err := q.Module(ctx, a.module, "mactable", body)
			if err == nil && len(reply) > 0 {
				err = json.Unmarshal(reply, &a.reply)
			}
			if err != nil {
				a.err = feature.Error(fmt.Sprintf("ERROR: Module %d: %v", a.module, err))
			}
		})
	}
	wait.Wait()
	return answers, nil
}

// entries returns the entries of an answer by VLAN and address. What a card sends
// that is no entry is left out.
func entries(a answer) []entry {
	var all []entry
	for _, e := range a.reply.Entries {
		mac, err := ether.ParseMAC(e.MAC)
		if err != nil || !ether.VLANID(e.VLAN).Valid() || e.Port != "" && !named(e.Port) {
			continue
		}
		all = append(all, entry{module: a.module, vlan: ether.VLANID(e.VLAN), mac: mac, FDBEntry: e})
	}
	slices.SortStableFunc(all, compareKeys)
	return all
}

// named reports whether the port can be one: an interface, or one of a card's own,
// such as "internal".
func named(port string) bool {
	for _, c := range port {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return len(port) <= 30
}

func compareKeys(a, b entry) int {
	return cmp.Or(cmp.Compare(a.vlan, b.vlan), cmp.Compare(a.mac.Uint64(), b.mac.Uint64()))
}

// best returns which of the cards' entries of one VLAN and address is shown: the
// static one if there is one, else that of a vEthernet, else that of a plain
// Ethernet, which an address can live behind, else that of the uplink where it
// was seen last. Uplink says which ports are uplinks.
func best(same []entry, uplink func(port string) bool) entry {
	rank := func(e entry) int {
		switch {
		case e.Static:
			return 0
		case feature.KindOf(e.Port) == feature.Vethernet, feature.KindOf(e.Port) == feature.SVI:
			return 1
		case !uplink(e.Port):
			return 2
		}
		return 3
	}
	return slices.MinFunc(same, func(a, b entry) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.AgeSeconds, b.AgeSeconds), cmp.Compare(a.module, b.module))
	})
}

// uplinks returns the test for uplinks, by configuration, and tunnels.
func uplinks(q feature.Query) func(string) bool {
	known := map[string]bool{}
	return func(port string) bool {
		up, ok := known[port]
		if !ok {
			// A port without a kind is a tunnel, behind which there is another card.
			up = feature.KindOf(port) == "" || feature.KindOf(port) == feature.Ethernet &&
				feature.ProfileType(q.Running, feature.ProfileOf(q.Running, port)) == feature.Ethernet
			known[port] = up
		}
		return up
	}
}
