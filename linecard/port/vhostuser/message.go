package vhostuser

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Numbers of virtio features (virtio 1.3 §5.1.3, §6).
const (
	fCsum             = 0
	fGuestCsum        = 1
	fMTU              = 3
	fGuestTSO4        = 7
	fGuestTSO6        = 8
	fGuestECN         = 9
	fGuestUFO         = 10
	fHostTSO4         = 11
	fHostTSO6         = 12
	fHostECN          = 13
	fHostUFO          = 14
	fMrgRxbuf         = 15
	fGuestAnnounce    = 21
	fMQ               = 22
	fLogAll           = 26
	fIndirect         = 28
	fEventIdx         = 29
	fProtocolFeatures = 30
	fVersion1         = 32
	fGuestUSO4        = 54
	fGuestUSO6        = 55
	fHostUSO          = 56
)

// offered are the features of a port; MQ is added for one with several queues.
const offered = 1<<fCsum | 1<<fGuestCsum | 1<<fMTU |
	1<<fGuestTSO4 | 1<<fGuestTSO6 | 1<<fGuestECN | 1<<fHostTSO4 | 1<<fHostTSO6 | 1<<fHostECN |
	1<<fGuestUFO | 1<<fHostUFO |
	1<<fMrgRxbuf | 1<<fGuestAnnounce | 1<<fLogAll | 1<<fIndirect | 1<<fEventIdx |
	1<<fProtocolFeatures | 1<<fVersion1 | 1<<fGuestUSO4 | 1<<fGuestUSO6 | 1<<fHostUSO

// Numbers of protocol features.
const (
	pMQ       = 0
	pLogShmfd = 1
	pRARP     = 2
	pReplyAck = 3
	pMTU      = 4
	pInflight = 12
	pReset    = 13
	pMemSlots = 15
)

// offeredProtocol are the protocol features of a port.
const offeredProtocol = 1<<pMQ | 1<<pLogShmfd | 1<<pRARP | 1<<pReplyAck | 1<<pMTU |
	1<<pInflight | 1<<pReset | 1<<pMemSlots

// Header flags.
const (
	flagVersion   = 1
	flagVersions  = 3 // mask
	flagReply     = 4
	flagNeedReply = 8
)

// Bounds.
const (
	headerLen  = 12
	maxPayload = 1024            // the longest request, of 8 regions, has 264 bytes
	maxFDs     = 16              // descriptors of one message; the most defined are 8
	patience   = 5 * time.Second // for the rest of a message, and for a reply to go
)

// message is a request of the front end.
type message struct {
	request uint32
	flags   uint32
	payload []byte
	fds     []int // -1: taken over
}

// take takes descriptor i over from the message.
func (m *message) take(i int) int {
	fd := m.fds[i]
	m.fds[i] = -1
	return fd
}

// close closes the descriptors that nobody took.
func (m *message) close() {
	for i, fd := range m.fds {
		if fd >= 0 {
			_ = unix.Close(fd) // nothing was written to it
			m.fds[i] = -1
		}
	}
}

func (m *message) u32(at int) uint32 { return binary.LittleEndian.Uint32(m.payload[at:]) }
func (m *message) u64(at int) uint64 { return binary.LittleEndian.Uint64(m.payload[at:]) }

// parseHeader checks the header of a request and returns its payload's length.
func parseHeader(b *[headerLen]byte) (m message, n int, err error) {
	m.request = binary.LittleEndian.Uint32(b[0:])
	m.flags = binary.LittleEndian.Uint32(b[4:])
	size := binary.LittleEndian.Uint32(b[8:])
	switch {
	case m.flags&flagVersions != flagVersion:
		return m, 0, fmt.Errorf("request %d: version %d of the protocol", m.request, m.flags&flagVersions)
	case m.flags&flagReply != 0:
		return m, 0, fmt.Errorf("request %d is a reply", m.request)
	case size > maxPayload:
		return m, 0, fmt.Errorf("request %d: payload of %d bytes", m.request, size)
	}
	return m, int(size), nil
}

// reader reads requests from a connection.
type reader struct {
	conn *net.UnixConn
	// idle is called between reads when wanted was set and the wait interrupted
	// by a read deadline in the past.
	idle   func() error
	wanted atomic.Bool
	head   [headerLen]byte
	body   [maxPayload]byte
	oob    [256]byte
	fds    []int
}

// next waits for a request. The message and its payload are valid until the next
// call; the caller closes it.
func (r *reader) next() (m message, err error) {
	r.fds = r.fds[:0]
	defer func() {
		if err != nil {
			for _, fd := range r.fds {
				_ = unix.Close(fd) // nothing was written to it
			}
		}
	}()
	if err := r.fill(r.head[:]); err != nil {
		return message{}, err
	}
	m, n, err := parseHeader(&r.head)
	if err != nil {
		return message{}, err
	}
	if n > 0 {
		if err := r.fill(r.body[:n]); err != nil {
			return message{}, fmt.Errorf("request %d: %w", m.request, err)
		}
	}
	m.payload, m.fds = r.body[:n], r.fds
	return m, nil
}

// fill reads len(b) bytes and the descriptors that come with them. A header may
// be long in coming; what has begun must be complete in time.
func (r *reader) fill(b []byte) error {
	var limit time.Time
	if &b[0] != &r.head[0] {
		limit = time.Now().Add(patience)
	}
	for at := 0; at < len(b); {
		// The one who wants us to look up says so before he sets a deadline of
		// his own, which this one may undo.
		if err := r.conn.SetReadDeadline(limit); err != nil {
			return err
		}
		if r.wanted.Swap(false) {
			if err := r.idle(); err != nil {
				return err
			}
		}
		n, k, flags, _, err := r.conn.ReadMsgUnix(b[at:], r.oob[:])
		if k > 0 {
			if e := r.collect(r.oob[:k]); e != nil {
				return e
			}
		}
		switch {
		case flags&unix.MSG_CTRUNC != 0:
			return errors.New("too many descriptors in a message")
		case errors.Is(err, errTimeout) && (limit.IsZero() || time.Now().Before(limit)):
			continue
		case err != nil:
			return err
		case n == 0:
			return errEnd
		}
		if at += n; limit.IsZero() {
			limit = time.Now().Add(patience)
		}
	}
	return nil
}

// collect takes the descriptors out of control messages.
func (r *reader) collect(oob []byte) error {
	list, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return fmt.Errorf("read descriptors: %w", err)
	}
	for i := range list {
		fds, err := unix.ParseUnixRights(&list[i])
		if err != nil {
			continue // credentials: of no interest
		}
		r.fds = append(r.fds, fds...)
	}
	if len(r.fds) > maxFDs {
		return errors.New("too many descriptors in a message")
	}
	return nil
}

// reply answers a request, with a descriptor if fd is not negative.
func reply(conn *net.UnixConn, request uint32, payload []byte, fd int) error {
	b := make([]byte, 0, headerLen+len(payload))
	b = binary.LittleEndian.AppendUint32(b, request)
	b = binary.LittleEndian.AppendUint32(b, flagVersion|flagReply)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
	b = append(b, payload...)
	var oob []byte
	if fd >= 0 {
		oob = unix.UnixRights(fd)
	}
	if err := conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, _, err := conn.WriteMsgUnix(b, oob, nil); err != nil {
		return fmt.Errorf("reply to request %d: %w", request, err)
	}
	return nil
}

func u64(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }
