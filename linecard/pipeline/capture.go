package pipeline

import (
	"sync"
	"time"

	"trunkline/linecard/frame"
)

// Point is a place where frames can be captured.
type Point uint8

// Capture points; a bit set.
const (
	PointRx   Point = 1 << iota // as received
	PointTx                     // as handed to the device
	PointDrop                   // dropped, on the way in or out
)

// Record is one captured frame.
type Record struct {
	Time   time.Duration // monotonic, since the engine was made
	Point  Point
	Port   uint16
	Reason frame.Reason // of PointDrop
	Len    int          // of the whole frame with its tag
	Data   []byte       // of the frame, cut to the snap length
}

// CaptureConfig selects what to capture.
type CaptureConfig struct {
	Points  Point
	Port    string // "" for all
	SnapLen int    // bytes kept of a frame; 0: 256
	Slots   int    // records that wait to be read; 0: 1024. More are lost and counted.
}

// Capture copies frames into a bounded ring while it is open. Workers that
// capture take its lock; when no capture is open they look at one pointer per
// batch.
type Capture struct {
	points Point
	port   uint16 // 0: all
	snap   int
	ready  chan struct{}
	close  func()

	mu      sync.Mutex
	ring    []Record
	buf     []byte
	first   int
	n       int
	lost    uint64
	scratch []byte
}

func newCapture(c CaptureConfig, port uint16) *Capture {
	if c.SnapLen <= 0 {
		c.SnapLen = 256
	}
	if c.Slots <= 0 {
		c.Slots = 1024
	}
	if c.Points == 0 {
		c.Points = PointRx | PointTx | PointDrop
	}
	c.SnapLen = min(c.SnapLen, frame.MaxLen)
	c.Slots = min(c.Slots, 1<<16)
	return &Capture{
		points: c.Points, port: port, snap: c.SnapLen, ready: make(chan struct{}, 1),
		ring: make([]Record, c.Slots), buf: make([]byte, c.Slots*c.SnapLen),
		scratch: make([]byte, 0, frame.MaxLen+frame.TagLen),
	}
}

// Ready receives a token when records may be there to read.
func (c *Capture) Ready() <-chan struct{} { return c.ready }

// Read returns the oldest record, with data of its own, or false when there is
// none.
func (c *Capture) Read() (Record, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == 0 {
		return Record{}, false
	}
	r := c.ring[c.first]
	r.Data = append([]byte(nil), r.Data...)
	c.first = (c.first + 1) % len(c.ring)
	c.n--
	return r, true
}

// Lost returns the number of frames that found the ring full.
func (c *Capture) Lost() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lost
}

// Close ends the capture. What is in the ring can still be read.
func (c *Capture) Close() { c.close() }

// batch captures a batch as received.
func (c *Capture) batch(b *frame.Batch) {
	if c.points&PointRx == 0 || c.port != 0 && c.port != b.Port {
		return
	}
	for i := range b.N {
		c.frame(PointRx, b.Port, &b.Frames[i], frame.Forward, b.Now)
	}
}

// outs captures frames on their way out.
func (c *Capture) outs(port uint16, outs []frame.Out, now int64) {
	if c.port != 0 && c.port != port {
		return
	}
	for i := range outs {
		o := &outs[i]
		point := PointTx
		if o.Drop != frame.Forward {
			point = PointDrop
		}
		c.add(point, port, o.Frame, o.Drop, now, o.Tag, o.TCI)
	}
}

// frame captures a frame with the tag it came with.
func (c *Capture) frame(point Point, port uint16, f *frame.Frame, why frame.Reason, now int64) {
	if c.port != 0 && c.port != port {
		return
	}
	c.add(point, port, f, why, now, f.Flags&frame.Tagged != 0, f.TCI)
}

func (c *Capture) add(point Point, port uint16, f *frame.Frame, why frame.Reason, now int64, tag bool, tci uint16) {
	if c.points&point == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == len(c.ring) {
		c.lost++
		return
	}
	c.scratch = c.scratch[:0]
	switch {
	case tag && f.Head >= 12:
		c.scratch = frame.AppendTagged(c.scratch, f, tci)
	default:
		c.scratch = append(append(c.scratch, f.Bytes()...), f.Tail...)
	}
	slot := (c.first + c.n) % len(c.ring)
	room := c.buf[slot*c.snap : (slot+1)*c.snap : (slot+1)*c.snap]
	n := copy(room, c.scratch)
	c.ring[slot] = Record{
		Time: time.Duration(now), Point: point, Port: port, Reason: why, Len: len(c.scratch), Data: room[:n],
	}
	c.n++
	select {
	case c.ready <- struct{}{}:
	default:
	}
}
