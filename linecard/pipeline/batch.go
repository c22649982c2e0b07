package pipeline

import (
	"errors"
	"math/bits"

	"trunkline/linecard/bridge"
	"trunkline/linecard/frame"
	"trunkline/linecard/port"
)

// serve takes one batch from a queue through the pipeline and returns the
// number of frames.
func (w *Worker) serve(r *receiver, now int64) (n int) {
	defer func() {
		if p := recover(); p != nil {
			w.fault(r, p)
			n = w.batch.N
		}
	}()
	b := &w.batch
	b.Port, b.Now = r.port, now
	b.Drop = [frame.BatchSize]frame.Reason{}
	w.phase, w.at, w.sent = atRecv, 0, 0
	b.N = 0
	err := r.queue.Recv(b)
	if err != nil {
		w.failed(r, err)
	} else {
		r.errors = 0
	}
	if b.N == 0 {
		return 0
	}
	plan := w.e.plan.Load()
	w.phase = atStages
	w.received(b)
	w.forward(plan, b)
	w.phase = atSend
	for ; w.sent < len(w.lists.Touched()); w.sent++ {
		w.send(plan, w.lists.Touched()[w.sent])
	}
	w.lists.Reset()
	w.dropped(b, w.e.capture.Load())
	r.queue.Release(b)
	return b.N
}

// forward decides on every frame of a batch and puts those that live on the
// egress lists.
func (w *Worker) forward(plan *Plan, b *frame.Batch) {
	closed := w.e.closed(b.Port)
	if closed == frame.Forward && int(b.Port) >= len(plan.Ports) {
		closed = frame.PortDown // a device attached after this plan was made
	}
	if closed != frame.Forward {
		for i := range b.N {
			if b.Drop[i] == frame.Forward {
				b.Drop[i] = closed
			}
		}
		return
	}
	s := &plan.stages[b.Port]
	plan.Classify(b, &w.keys)
	if plan.Ports[b.Port].Punts != 0 {
		w.punt(b)
	}
	for _, stage := range s.guard {
		stage.Run(w, b)
	}
	view := w.e.fdb.View(b.Now)
	w.keys.Ahead(&view, b.N)
	refused, looping := plan.Learn(&view, b, &w.keys)
	if looping {
		w.e.block(b.Port, frame.LoopDetected)
	}
	flooded := plan.Lookup(&view, b, &w.keys, refused)
	if flooded != 0 {
		for _, stage := range s.flood {
			stage.Run(w, b)
		}
	}
	plan.Replicate(b, &w.lists, &w.at, &w.copies)
}

// punt hands frames to the slow path.
func (w *Worker) punt(b *frame.Batch) {
	for i := range b.N {
		if b.Drop[i] != frame.Forward || b.Next[i] != bridge.HopPunt {
			continue
		}
		b.Drop[i] = frame.Consumed
		if w.e.punt == nil || !w.e.punt.Punt(b.Port, &b.Frames[i], b.Now) {
			b.Drop[i] = frame.PuntFull
		}
	}
}

// received counts a batch on its ingress port.
func (w *Worker) received(b *frame.Batch) {
	var t tally
	frames := uint64(0)
	for i := range b.N {
		frames += t.count(&b.Frames[i])
	}
	t.publish(&w.counters[b.Port].rx)
	s := &w.stats
	bump(&s.frames, frames)
	bump(&s.batches[bits.Len(uint(b.N))-1], 1)
	if c := w.e.capture.Load(); c != nil {
		c.batch(b)
	}
}

// dropped counts the frames of a batch that were dropped before egress.
func (w *Worker) dropped(b *frame.Batch, capture *Capture) {
	c := &w.counters[b.Port]
	for i := range b.N {
		if r := b.Drop[i]; r != frame.Forward {
			bump(&c.rxDrops[r], uint64(b.Frames[i].Segments()))
			if capture != nil {
				capture.frame(PointDrop, b.Port, &b.Frames[i], r, b.Now)
			}
		}
	}
	if w.copies.Copies != 0 {
		bump(&w.stats.flooded, w.copies.Flooded)
		bump(&w.stats.copies, w.copies.Copies)
		w.copies = bridge.Copies{}
	}
}

// failed notes a receive error: a device that has vanished, or one that fails
// again and again, is polled no more.
func (w *Worker) failed(r *receiver, err error) {
	r.errors++
	if errors.Is(err, port.ErrGone) || r.errors >= maxErrors {
		w.retire(r)
		w.gone(r.port, err)
	}
}

// gone reports, once, that a port's device has vanished.
func (w *Worker) gone(index uint16, err error) {
	if !w.dead[index] {
		w.dead[index] = true
		w.e.post(event{kind: eventGone, port: index, err: err})
	}
}
