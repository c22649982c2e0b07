package tap

import (
	"runtime"

	"golang.org/x/sys/unix"

	"trunkline/linecard/frame"
	"trunkline/linecard/port"
)

// firstReads is how many reads a burst from a quiet device begins with. One that
// finds nothing costs a fraction of a system call, and the burst is over with
// it: no second call has to find the device empty.
const firstReads = 4

// sendBurst bounds the bytes that are written by one system call, which the Go
// scheduler does not know of: 256 KiB take about 100 us.
const sendBurst = 256 << 10

// readRing reads a batch in few system calls: as many reads in one as the last
// burst had frames, and more as long as the device has them.
func (q *queue) readRing(m *memory, b *frame.Batch) (err error) {
	used, total := 0, 0
	n := min(q.want, q.limit)
	for empty := false; !empty && n > 0; {
		size := slot - frame.Headroom + q.header
		for i := range n {
			q.ring.Read(q.fd, &m.slot(used + i)[frame.Headroom-q.header], size)
		}
		res, fault := q.ring.Do()
		for i, r := range res {
			if r >= 0 {
				q.accept(m, b, used+i, int(r))
				total += int(r)
				continue
			}
			empty = true
			if e := failed(unix.Errno(-r)); e != nil {
				err = e
			}
		}
		if fault != nil && b.N == 0 && err == nil {
			err = fault
		}
		used += n
		n = min(n*2, q.limit-used)
	}
	q.foresee(b.N, total)
	return err
}

// foresee sets how many reads the next burst begins with, and how many it may
// have: bytes of super-frames are bounded by burst.
func (q *queue) foresee(frames, bytes int) {
	q.limit = frame.BatchSize
	if frames > 0 {
		q.limit = max(firstReads, min(frame.BatchSize, burst*frames/max(bytes, 1)))
	}
	q.want = max(firstReads, min(frames+frames/2, frame.BatchSize))
}

// writeRing sends with one system call for up to 64 frames.
func (q *queue) writeRing(out []frame.Out) error {
	c := q.common
	for len(out) > 0 {
		var from [frame.BatchSize]uint8
		i, n, bytes := 0, 0, 0
		for ; i < len(out) && i < frame.BatchSize && bytes < sendBurst; i++ {
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
			if r < 0 {
				out[from[j]].Drop = refusal(unix.Errno(-r))
				gone = gone || vanished(unix.Errno(-r))
			}
		}
		out = out[i:]
		if gone {
			for j := range out {
				out[j].Drop = frame.TxError
			}
			return port.ErrGone
		}
		if err != nil && len(out) == 0 {
			break // what was not taken is counted as such
		}
	}
	runtime.KeepAlive(out)
	return nil
}
