package agent

import (
	"sync"

	"trunkline/linecard/api"
)

// outbox is what waits to be sent to the supervisor. Putting something in never
// blocks and never takes more memory than one answer, one report of each
// section and the replies to the queries that may run: newer ones replace older.
type outbox struct {
	ready chan struct{} // of one

	mu       sync.Mutex
	answer   *api.Ack
	beat     bool
	sequence uint64
	sections map[string][]byte
	replies  []*api.Reply
}

// maxReplies is how many replies wait; the supervisor has given up on the
// oldest by then.
const maxReplies = 4 * maxQueries

func newOutbox() *outbox {
	return &outbox{ready: make(chan struct{}, 1), sections: map[string][]byte{}}
}

func (o *outbox) put(f func()) {
	o.mu.Lock()
	f()
	o.mu.Unlock()
	select {
	case o.ready <- struct{}{}:
	default:
	}
}

func (o *outbox) ack(a *api.Ack) { o.put(func() { o.answer = a }) }
func (o *outbox) heartbeat()     { o.put(func() { o.beat = true }) }

func (o *outbox) report(section string, data []byte) {
	o.put(func() { o.sections[section] = data })
}

func (o *outbox) reply(r *api.Reply) {
	o.put(func() {
		if len(o.replies) == maxReplies {
			o.replies = o.replies[1:]
		}
		o.replies = append(o.replies, r)
	})
}

// take removes the next message, nil when there is none: what is short first,
// but reports before an answer, so that whoever waits for the answer finds the
// state that the program has led to.
func (o *outbox) take() *api.FromCard {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.beat:
		o.beat = false
		o.sequence++
		return &api.FromCard{M: &api.FromCard_Heartbeat{Heartbeat: &api.Heartbeat{Sequence: o.sequence}}}
	case o.answer != nil && len(o.sections) == 0:
		a := o.answer
		o.answer = nil
		return &api.FromCard{M: &api.FromCard_Ack{Ack: a}}
	case len(o.replies) > 0 && o.answer == nil:
		r := o.replies[0]
		o.replies = o.replies[1:]
		return &api.FromCard{M: &api.FromCard_Reply{Reply: r}}
	case len(o.sections) > 0:
		r := &api.Report{Sections: map[string][]byte{}}
		size := 0
		for name, data := range o.sections {
			if size > 0 && size+len(data) > reportMessage {
				break
			}
			size += len(data)
			r.Sections[name] = data
			delete(o.sections, name)
		}
		return &api.FromCard{M: &api.FromCard_Report{Report: r}}
	}
	return nil
}
