package mactable

import (
	"context"
	"iter"

	"trunkline/feature"
	"trunkline/linecard/api"
)

// A card's table comes in pages, in order: few entries first, so that a show
// begins at once, then many. No table is held whole, here or there.
const (
	firstPage = 256
	nextPage  = 8192
)

// dump is the table of one card.
type dump struct {
	q       feature.Query
	request api.FDBQuery
	module  int
	page    []entry // not taken yet
	more    bool
	last    entry // taken last
}

// dumps asks the cards, or one, for their first page. A card that does not answer
// has an empty one, and its error is returned if it was the only one asked.
func dumps(q feature.Query, slot int, request api.FDBQuery) ([]*dump, []answer, error) {
	request.Limit = firstPage
	answers, err := ask(context.Background(), q, slot, request)
	if err != nil {
		return nil, nil, err
	}
	request.Limit = nextPage
	all := make([]*dump, 0, len(answers))
	for _, a := range answers {
		d := &dump{q: q, request: request, module: a.module}
		d.took(a)
		all = append(all, d)
	}
	return all, answers, nil
}

// took takes an answer as the next page: what is not behind the page before is no
// part of it, and a page without any part is the last.
func (d *dump) took(a answer) {
	d.page = entries(a)
	for len(d.page) > 0 && d.last.vlan != 0 && compareKeys(d.page[0], d.last) <= 0 {
		d.page = d.page[1:]
	}
	d.more = a.err == nil && a.reply.More && len(d.page) > 0
}

// head returns the next entry, and whether there is one.
func (d *dump) head() (entry, bool) {
	if len(d.page) == 0 && d.more {
		request := d.request
		request.After = &api.FDBKey{VLAN: uint16(d.last.vlan), MAC: d.last.mac.String()}
		answers, err := ask(context.Background(), d.q, d.module, request)
		if err != nil || len(answers) == 0 {
			d.more = false
			return entry{}, false
		}
		d.took(answers[0])
	}
	if len(d.page) == 0 {
		return entry{}, false
	}
	return d.page[0], true
}

func (d *dump) take() { d.last, d.page = d.page[0], d.page[1:] }

// merged yields one entry per VLAN and address of all cards, in order. It may be
// gone through again, from the first pages.
func merged(from []*dump, uplink func(port string) bool) iter.Seq[entry] {
	return func(yield func(entry) bool) {
		cards := make([]*dump, len(from))
		for i, d := range from {
			c := *d
			cards[i] = &c
		}
		for {
			var same []entry // of the lowest key
			for _, d := range cards {
				e, ok := d.head()
				if !ok {
					continue
				}
				if len(same) > 0 {
					switch order := compareKeys(e, same[0]); {
					case order > 0:
						continue
					case order < 0:
						same = same[:0]
					}
				}
				same = append(same, e)
			}
			if len(same) == 0 {
				return
			}
			for _, d := range cards {
				for len(d.page) > 0 && compareKeys(d.page[0], same[0]) == 0 {
					d.take()
				}
			}
			if !yield(best(same, uplink)) {
				return
			}
		}
	}
}
