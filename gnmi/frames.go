package gnmi

import "encoding/binary"

// Of HTTP/2 frames (RFC 9113 §4.1, §6).
const (
	preface     = 24 // bytes that a client sends before its first frame (§3.4)
	frameHeader = 9  // bytes

	frameData    = 0x0
	frameHeaders = 0x1
	frameReset   = 0x3
	endStream    = 0x1 // flag of DATA and HEADERS
	padded       = 0x8 // flag of DATA

	messageHeader = 5 // bytes before a message of gRPC: whether it is compressed, and its length
)

// frame is the header of one.
type frame struct {
	size  int // of what follows, bytes
	kind  byte
	flags byte
	id    uint32 // of the stream
}

// frames finds the frames in one direction of a connection. It keeps nothing of
// what is in them.
type frames struct {
	skip int   // bytes until the next header
	now  frame // that they are of
	head [frameHeader]byte
	n    int // bytes of head that are there
}

// see tells begin each of the frames that begin in the next bytes, and what of the
// contents of frames is in them.
func (f *frames) see(p []byte, begin func(frame), content func(frame, []byte)) {
	for len(p) > 0 {
		if f.skip > 0 {
			n := min(f.skip, len(p))
			f.skip -= n
			content(f.now, p[:n])
			p = p[n:]
			continue
		}
		n := copy(f.head[f.n:], p)
		f.n += n
		p = p[n:]
		if f.n < frameHeader {
			return
		}
		f.n = 0
		f.now = frame{
			size: int(f.head[0])<<16 | int(f.head[1])<<8 | int(f.head[2]), kind: f.head[3], flags: f.head[4],
			id: binary.BigEndian.Uint32(f.head[5:]) &^ (1 << 31),
		}
		f.skip = f.now.size
		begin(f.now)
	}
}

// messages finds where the messages of one stream end.
type messages struct {
	head [messageHeader]byte
	n    int // bytes of head that are there
	left int // bytes of the message, once head is there
}

// see tells each of the ends in the next bytes: how many bytes of them are
// before it.
func (m *messages) see(p []byte, end func(at int)) {
	for at := 0; at < len(p); {
		if m.n < messageHeader {
			n := copy(m.head[m.n:], p[at:])
			m.n += n
			at += n
			if m.n < messageHeader {
				return
			}
			m.left = int(binary.BigEndian.Uint32(m.head[1:]))
		}
		n := min(m.left, len(p)-at)
		m.left -= n
		at += n
		if m.left == 0 {
			m.n = 0
			end(at)
		}
	}
}
