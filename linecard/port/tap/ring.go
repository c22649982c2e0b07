package tap

import (
	"golang.org/x/sys/unix"

	"trunkline/linecard/frame"
	"trunkline/linecard/port"
)

// few is how many reads follow one that found a frame in a quiet device. One
// that finds nothing costs about an eighth of a system call, and ends the burst
// without another call that has to find the device empty.
const few = 4

// readRing reads a batch in few system calls: as many reads in one as the last
// burst suggests, and more as long as the device has frames. From a quiet
// device one frame is read, by the cheaper plain call, and is on its way before
// the driver looks for another.
func (q *queue) readRing(m *memory, b *frame.Batch) (err error) {
	if q.want == 1 {
		n, e := read(q.fd, m.slot(0)[frame.Headroom-q.header:])
		if e != 0 {
			return failed(e)
		}
		q.accept(m, b, 0, n)
		q.want = few
		return nil
	}
	q.ring.Reset()
	used, total := 0, 0
	for n := min(q.want, q.limit); n > 0; n = min(n*2, q.limit-used) {
		for i := range n {
			q.ring.Read(q.fd, &m.slot(used + i)[frame.Headroom-q.header], slot-frame.Headroom+q.header)
		}
		res, fault := q.ring.Do()
		before := b.N
		for i, r := range res {
			if r >= 0 {
				q.accept(m, b, used+i, int(r))
				total += int(r)
			} else if e := failed(unix.Errno(-r)); e != nil {
				err = e
			}
		}
		if fault != nil && b.N == 0 && err == nil {
			return q.readEach(m, b) // the kernel is short of memory
		}
		if used += n; b.N-before < n {
			break
		}
	}
	q.foresee(b.N, total)
	return err
}

// foresee sets how many reads the next burst begins with, and how many it may
// have: the bytes of super-frames are bounded by burst.
func (q *queue) foresee(frames, bytes int) {
	q.limit = frame.BatchSize
	if bytes > 0 {
		q.limit = max(few, min(frame.BatchSize, burst*frames/bytes))
	}
	q.want = max(1, min(frames+frames/2, frame.BatchSize))
}

// writeRing sends with one system call for up to 64 frames.
func (q *queue) writeRing(out []frame.Out) error {
	c := q.common
	for len(out) > 0 {
		q.ring.Reset() // the pipeline goes on after a frame that makes gather panic
		var from [frame.BatchSize]uint8
		i, n, bytes := 0, 0, 0
		for ; i < len(out) && i < frame.BatchSize && bytes < burst; i++ {
			o := &out[i]
			o.Drop = frame.Forward
			pieces := q.gather(o, &c.texts[n], &c.heads[n])
			switch v := &c.heads[n]; pieces {
			case 0:
				o.Drop = frame.TxError
				continue
			case 1:
				q.ring.Write(q.fd, v[0].Base, int(v[0].Len))
			default:
				q.ring.Writev(q.fd, &v[0], pieces)
			}
			from[n] = uint8(i)
			n++
			bytes += o.Len()
		}
		res, err := q.ring.Do()
		gone := false
		for j, r := range res {
			switch e := unix.Errno(-r); {
			case r >= 0:
			case err != nil && e == unix.EAGAIN: // not taken: the kernel is short of memory
				gone = q.writeEach(out[from[j]:from[j]+1]) != nil || gone
			default:
				out[from[j]].Drop = refusal(e)
				gone = gone || vanished(e)
			}
		}
		out = out[i:]
		if gone {
			for j := range out {
				out[j].Drop = frame.TxError
			}
			return port.ErrGone
		}
	}
	return nil
}
