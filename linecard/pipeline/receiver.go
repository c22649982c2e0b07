package pipeline

import (
	"trunkline/linecard/port"
)

// ownQueue is a queue that a worker is to own.
type ownQueue struct {
	port.Queue
	receive int // number of the receive queue, or port.SendOnly
}

// receiver is one receive queue a worker owns. It is hot, which is polled every
// round, or left to the poller: then it costs nothing until its descriptor says
// that it has a frame.
type receiver struct {
	port   uint16
	queue  port.Queue
	armed  port.Armed // nil: the descriptor tells of frames without being asked
	fd     int        // -1: always hot
	slot   int        // in the poller; -1 when it is not there
	hot    bool
	asked  bool // armed: the descriptor will tell
	gone   bool
	idle   int   // rounds without a frame
	last   int64 // worker's clock at the last frame, or when it became hot
	barren int   // times it polled ready and had nothing
	nap    int64 // the poller leaves it out until then
	errors int   // in a row
}

// Scheduling of receive queues, in rounds without a frame.
const (
	hotRounds = 8 // a queue that found nothing so often is left to the poller
	barrenMax = 64
)

// heat begins to poll a queue.
func (w *Worker) heat(r *receiver, now int64) {
	r.idle, r.last = 0, now
	if r.armed != nil {
		w.disarm(r)
	}
	if !r.hot && !r.gone {
		r.hot = true
		w.hot = append(w.hot, r)
	}
}

// cool notes that a hot queue had nothing, and reports whether it is left to the
// poller from now on. A queue in shared memory costs little to look at and much
// to be told of, so it stays hot as long as the worker may spin.
func (w *Worker) cool(r *receiver, now int64) bool {
	if r.idle++; r.idle == 1 && r.fd >= 0 {
		r.barren++
	}
	switch {
	case r.fd < 0:
		return false
	case r.armed == nil:
		return r.idle >= hotRounds
	case r.idle < hotRounds || now-r.last < w.spin.most:
		return false
	}
	return w.arm(r, now)
}

// arm asks a queue in shared memory to tell of its next frame, and reports
// whether it will. If it has frames already it stays hot, so none is missed: a
// frame comes either before Arm looks or with a notification.
func (w *Worker) arm(r *receiver, now int64) (asked bool) {
	defer w.caught(r)
	if r.armed.Arm() {
		r.idle, r.last = 0, now
		return false
	}
	r.asked = true
	return true
}

// disarm drains the descriptor of a queue in shared memory.
func (w *Worker) disarm(r *receiver) {
	defer w.caught(r)
	r.asked = false
	r.armed.Disarm()
}

// caught recovers a panic between two batches. It is deferred.
func (w *Worker) caught(r *receiver) {
	if p := recover(); p != nil {
		w.phase, w.batch.N, w.at = atRecv, 0, 0
		w.fault(r, p)
	}
}

// retire polls a queue no more: its device has vanished.
func (w *Worker) retire(r *receiver) {
	r.gone = true
	w.poller.remove(r)
}
