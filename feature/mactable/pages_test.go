package mactable

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"

	"trunkline/feature"
	"trunkline/feature/featuretest"
	"trunkline/internal/ether"
	"trunkline/linecard/api"
)

// pager answers as a card does, from entries in order.
func pager(t *testing.T, cards map[int][]api.FDBEntry, asked map[int]int) feature.Query {
	q := query(t, cards, nil)
	var mu sync.Mutex // cards are asked at the same time
	q.Module = func(_ context.Context, slot int, _ string, request []byte) ([]byte, error) {
		mu.Lock()
		asked[slot]++
		mu.Unlock()
		var r api.FDBQuery
		if err := json.Unmarshal(request, &r); err != nil {
			t.Error(err)
		}
		page := cards[slot]
		if r.After != nil {
			n, _ := slices.BinarySearchFunc(page, *r.After, func(e api.FDBEntry, k api.FDBKey) int {
				return cmp.Or(cmp.Compare(e.VLAN, k.VLAN), cmp.Compare(e.MAC, k.MAC), -1)
			})
			page = page[n:]
		}
		reply := api.FDBReply{Entries: page, More: len(page) > r.Limit}
		if reply.More {
			reply.Entries = page[:r.Limit]
		}
		return json.Marshal(reply)
	}
	return q
}

func table(vlans, addresses, age int) (all []api.FDBEntry) {
	for v := range vlans {
		for i := range addresses {
			all = append(all, api.FDBEntry{VLAN: uint16(v + 1), MAC: ether.MACFromUint64(uint64(i) + 2<<40).String(),
				Port: "Vethernet1", AgeSeconds: uint32(age)})
		}
	}
	return all
}

// TestPages has cards of many pages: every address is shown once, in order, from
// the card that saw it last, and the heading needs the first pages only.
func TestPages(t *testing.T) {
	asked := map[int]int{}
	q := pager(t, map[int][]api.FDBEntry{3: table(5, 4000, 9), 4: table(7, 3000, 5), 5: nil, 6: table(1, 1, 7)}, asked)
	rows, err := switchWide(q)
	if err != nil || asked[3] != 1 || asked[4] != 1 {
		t.Fatalf("%v, asked %v before the first row", err, asked)
	}
	for range 2 {
		n, last, from := 0, entry{}, map[int]int{}
		for e := range rows {
			if compareKeys(last, e) >= 0 {
				t.Fatalf("%d %s after %d %s", e.vlan, e.mac, last.vlan, last.mac)
			}
			last = e
			n++
			from[e.module]++
		}
		if n != 5*4000+2*3000 || from[4] != 7*3000 || from[6] != 0 {
			t.Errorf("%d rows, by module %v", n, from)
		}
	}
	if asked[3] > 10 {
		t.Errorf("card 3 was asked %d times for 20,000 entries", asked[3])
	}
}

// TestPagesEnd has cards that say there is always more.
func TestPagesEnd(t *testing.T) {
	for name, page := range map[string][]api.FDBEntry{
		"the same again": table(1, 300, 1), "nothing": {}, "nonsense": {{VLAN: 5000, MAC: "x"}},
	} {
		q := query(t, map[int][]api.FDBEntry{3: nil}, nil)
		n := 0
		q.Module = func(context.Context, int, string, []byte) ([]byte, error) {
			if n++; n > 10 {
				return nil, fmt.Errorf("asked %d times", n)
			}
			return json.Marshal(api.FDBReply{Entries: page, More: true})
		}
		s, err := featuretest.Show(t, Feature, q, all)
		if err != nil {
			t.Fatal(err)
		}
		_ = featuretest.Text(s)
		if n > 3 {
			t.Errorf("%s: asked %d times", name, n)
		}
	}
}
