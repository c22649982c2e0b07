package module

// life is the life of one session, a machine without clock or wire. A session
// starts powered up, is online from the first program that the card has
// acknowledged, and is gone once it has ended for any reason; nothing leads back.
//
//	attached ──▶ powered up ──acked──▶ online
//	                 │                   │
//	                 └── ended, silent ──┴──▶ gone
type life struct {
	loss    int // ticks without a word from the card until it is removed
	phase   phase
	missed  int // ticks since the card was heard
	desired uint64
	sent    bool // there is a desired program
	done    bool // the desired program was answered
	refused bool // … with an error
	waited  int  // ticks since the desired program was sent
}

type phase uint8

const (
	poweredUp phase = iota
	online
	gone
)

// Ticks.
const (
	warnAfter   = 6  // missed heartbeats until a warning (cli.md §9.3)
	resendAfter = 5  // until a program without an answer is sent again
	retryAfter  = 10 // until a refused program is sent again
)

// Events.
type (
	heard   struct{}                    // any message from the card
	tick    struct{}                    // one heartbeat interval has passed
	desired struct{ generation uint64 } // the card is to have this program
	acked   struct {                    // the card has answered
		generation uint64
		refused    string // "" for yes
	}
	timing struct{ loss int } // settings have changed
	ended  struct {           // the session ends
		why      string
		conflict bool // by another card or a changed binding
	}
)

// action is what the runner is to do.
type action uint8

const (
	sendHeartbeat action = iota
	sendProgram
	goOnline   // the first program was acknowledged
	applied    // the desired program was acknowledged
	answered   // the desired program was answered, if only with an error
	complain   // … with an error, which is new
	warn       // the card has been silent for warnAfter ticks
	recovered  // it is heard again after a warning
	removeLost // it has been silent for too long: end the session
	remove     // end the session
)

// step takes one event and returns what follows from it.
func (l *life) step(event any) []action {
	if l.phase == gone {
		return nil
	}
	switch e := event.(type) {
	case heard:
		was := l.missed
		l.missed = 0
		if was >= warnAfter {
			return []action{recovered}
		}
	case tick:
		return l.tick()
	case timing:
		l.loss = e.loss
	case desired:
		if l.sent && e.generation == l.desired {
			return nil
		}
		l.desired, l.sent, l.done, l.refused, l.waited = e.generation, true, false, false, 0
		return []action{sendProgram}
	case acked:
		return l.acked(e)
	case ended:
		l.phase = gone
		return []action{remove}
	}
	return nil
}

func (l *life) tick() []action {
	l.missed++
	if l.missed >= l.loss {
		l.phase = gone
		return []action{removeLost}
	}
	out := []action{sendHeartbeat}
	if l.missed == warnAfter {
		out = append(out, warn)
	}
	if l.sent && (!l.done || l.refused) {
		l.waited++
		if !l.done && l.waited >= resendAfter || l.refused && l.waited >= retryAfter {
			l.waited = 0
			out = append(out, sendProgram)
		}
	}
	return out
}

// acked ignores answers to programs that have been replaced since.
func (l *life) acked(e acked) []action {
	if !l.sent || e.generation != l.desired {
		return nil
	}
	if e.refused != "" {
		again := l.refused
		l.done, l.refused, l.waited = true, true, 0
		if again {
			return nil
		}
		return []action{answered, complain}
	}
	first := l.phase == poweredUp
	l.phase, l.done, l.refused = online, true, false
	if first {
		return []action{applied, goOnline, answered}
	}
	return []action{applied, answered}
}
