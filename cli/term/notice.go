package term

import "sync"

// notices shows what the switch says unasked. It comes at any time; while the
// line editor is at work on a key it waits, because the editor cannot be told to
// draw then, and may itself be waiting for an answer behind it.
type notices struct {
	show func(text []byte)

	mu      sync.Mutex
	busy    bool
	waiting []byte // at most maxNotices; what is more is not shown
}

// maxNotices bounds what comes during one key, in bytes.
const maxNotices = 64 << 10

func (n *notices) add(text []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case !n.busy:
		n.show(text)
	case len(n.waiting)+len(text) <= maxNotices:
		n.waiting = append(n.waiting, text...)
	}
}

// begin is called when the editor takes up a key, end when it is done with it.
func (n *notices) begin() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.busy = true
}

func (n *notices) end() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.busy = false
	if len(n.waiting) > 0 {
		n.show(n.waiting)
		n.waiting = nil
	}
}
