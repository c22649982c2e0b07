package pipeline

import (
	"time"

	"trunkline/linecard/frame"
)

// Event is something that happened on the frame path and that an operator or
// the wiring acts on.
type Event struct {
	Kind EventKind
	Port string
	Err  error // of EventGone
	// Fault is set for EventFault.
	Fault *Fault
}

// EventKind tells events apart.
type EventKind uint8

// Events.
const (
	EventGone      EventKind = iota // the device vanished; attach it again with SetPort
	EventLoop                       // MAC-move guard: the port is err-disabled
	EventRecovered                  // the err-disabled state of EventLoop has ended by itself
	EventFault                      // a stage panicked: the port is quarantined
	EventState                      // a port went up or down
)

// Fault is what is known of a panic on the frame path.
type Fault struct {
	Cause  any
	Stack  []byte
	Frames [][]byte // of the batch, as received
	Time   time.Time
}

// event is what workers post.
type event struct {
	kind   eventKind
	port   uint16
	err    error
	cause  any
	frames [][]byte
	stack  []byte
}

type eventKind uint8

const (
	eventGone eventKind = iota
	eventBlocked
	eventFault
)

// maxEvents bounds the events that wait for the control goroutine. A worker
// posts each kind once per port and attachment, so there is room for all ports
// to vanish at once. One that finds no room is lost.
const maxEvents = 2 * MaxPorts

func (e *Engine) post(ev event) {
	select {
	case e.events <- ev:
	default:
	}
}

// closed returns why a port is err-disabled, or Forward.
func (e *Engine) closed(port uint16) frame.Reason {
	return frame.Reason(e.blocked[port].Load())
}

// block err-disables a port from the next batch on.
func (e *Engine) block(port uint16, why frame.Reason) {
	if e.blocked[port].CompareAndSwap(uint32(frame.Forward), uint32(why)) {
		e.post(event{kind: eventBlocked, port: port})
	}
}
