package vhost

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// maxPayload bounds what a back end may answer, in bytes.
const maxPayload = 4096

// Message is one message of the protocol.
type Message struct {
	Request Request
	Flags   uint32
	Payload []byte
	FDs     []int // sent: they stay the caller's; received: the receiver closes them
}

// Conn is the control connection.
type Conn struct {
	*net.UnixConn
	Wait time.Duration // bounds each read and write
}

// SendRaw sends any bytes with any descriptors.
func (c *Conn) SendRaw(b []byte, fds ...int) error {
	if err := c.SetWriteDeadline(time.Now().Add(c.Wait)); err != nil {
		return err
	}
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	_, _, err := c.WriteMsgUnix(b, oob, nil)
	return err
}

// Bytes returns a message as it goes over the socket, with the length that its
// payload has.
func (m Message) Bytes() []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(m.Request))
	b = binary.NativeEndian.AppendUint32(b, m.Flags)
	b = binary.NativeEndian.AppendUint32(b, uint32(len(m.Payload)))
	return append(b, m.Payload...)
}

// Tell sends a message. The version is added to its flags.
func (c *Conn) Tell(m Message) error {
	m.Flags |= Version
	if err := c.SendRaw(m.Bytes(), m.FDs...); err != nil {
		return fmt.Errorf("send request %d: %w", m.Request, err)
	}
	return nil
}

// Reply waits for a message of the back end.
func (c *Conn) Reply() (m Message, err error) {
	if err := c.SetReadDeadline(time.Now().Add(c.Wait)); err != nil {
		return m, err
	}
	var header [12]byte
	var oob [256]byte
	n, oobn, _, _, err := c.ReadMsgUnix(header[:], oob[:])
	if err == nil && n == 0 {
		err = io.EOF
	}
	if err == nil && n < len(header) {
		_, err = io.ReadFull(c.UnixConn, header[n:])
	}
	if err != nil {
		return m, fmt.Errorf("wait for the back end: %w", err)
	}
	list, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return m, fmt.Errorf("read control message of the back end: %w", err)
	}
	for _, x := range list {
		fds, err := unix.ParseUnixRights(&x)
		if err == nil {
			m.FDs = append(m.FDs, fds...)
		}
	}
	m.Request = Request(binary.NativeEndian.Uint32(header[0:]))
	m.Flags = binary.NativeEndian.Uint32(header[4:])
	size := binary.NativeEndian.Uint32(header[8:])
	if size > maxPayload {
		return m, fmt.Errorf("the back end sends %d bytes with request %d", size, m.Request)
	}
	m.Payload = make([]byte, size)
	if _, err := io.ReadFull(c.UnixConn, m.Payload); err != nil {
		return m, fmt.Errorf("read payload of request %d: %w", m.Request, err)
	}
	return m, nil
}

// Ask sends a message and returns the reply to it.
func (c *Conn) Ask(m Message) (Message, error) {
	if err := c.Tell(m); err != nil {
		return Message{}, err
	}
	r, err := c.Reply()
	if err != nil {
		return r, fmt.Errorf("request %d: %w", m.Request, err)
	}
	if r.Request != m.Request || r.Flags&(IsReply|3) != IsReply|Version {
		return r, fmt.Errorf("request %d is answered with request %d, flags %#x", m.Request, r.Request, r.Flags)
	}
	return r, nil
}

// errShort is a reply that is too short for its request.
var errShort = errors.New("reply is too short")

// Uint64 asks for a number.
func (c *Conn) Uint64(req Request) (uint64, error) {
	r, err := c.Ask(Message{Request: req})
	if err == nil && len(r.Payload) != 8 {
		err = fmt.Errorf("request %d: %w", req, errShort)
	}
	if err != nil {
		return 0, err
	}
	return binary.NativeEndian.Uint64(r.Payload), nil
}

// words encodes 32-bit numbers, as struct vhost_vring_state has them.
func words(list ...uint32) []byte {
	var b []byte
	for _, x := range list {
		b = binary.NativeEndian.AppendUint32(b, x)
	}
	return b
}

// longs encodes 64-bit numbers.
func longs(list ...uint64) []byte {
	var b []byte
	for _, x := range list {
		b = binary.NativeEndian.AppendUint64(b, x)
	}
	return b
}
