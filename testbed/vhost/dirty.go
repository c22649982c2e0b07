package vhost

import (
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// LogPage is the number of bytes of guest memory that one bit of the dirty log
// stands for.
const LogPage = 4096

// Dirty is the log of the pages that the back end has written: a bit per page
// of the guest's addresses, from address 0 on.
type Dirty struct {
	FD  int
	mem []byte
}

// NewDirty makes a log for addresses below end.
func NewDirty(end uint64) (*Dirty, error) {
	size := (end/LogPage/8 + 8 + LogPage) &^ (LogPage - 1)
	fd, err := unix.MemfdCreate("log", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make dirty log: %w", err)
	}
	d := &Dirty{FD: fd}
	if err = unix.Ftruncate(fd, int64(size)); err == nil {
		d.mem, err = unix.Mmap(fd, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make dirty log of %d bytes: %w", size, err), unix.Close(fd))
	}
	return d, nil
}

// Size returns the bytes of the log.
func (d *Dirty) Size() uint64 { return uint64(len(d.mem)) }

// Marked reports whether the page of a guest address is marked.
func (d *Dirty) Marked(guest uint64) bool {
	page := guest / LogPage
	return atomic.LoadUint32(word(d.mem, int(page/8)&^3))>>(page%32)&1 != 0
}

// Clear takes all marks away.
func (d *Dirty) Clear() {
	for i := 0; i < len(d.mem); i += 4 {
		atomic.StoreUint32(word(d.mem, i), 0)
	}
}

// Pages returns the number of marked pages.
func (d *Dirty) Pages() int {
	n := 0
	for _, b := range d.mem {
		for ; b != 0; b &= b - 1 {
			n++
		}
	}
	return n
}

// Close gives the log back.
func (d *Dirty) Close() error { return errors.Join(unix.Munmap(d.mem), unix.Close(d.FD)) }

// StartLog makes the back end keep a dirty log from now on, as a migration
// does: the log, the feature, then the address of each ring again. What is written
// before the back end has taken note is not in the log.
func (p *Peer) StartLog() error {
	var end uint64
	for _, r := range p.Memory.Regions {
		end = max(end, r.Guest+r.Size)
	}
	d, err := NewDirty(end)
	if err != nil {
		return err
	}
	if p.Dirty != nil {
		err = p.Dirty.Close()
	}
	p.Dirty = d
	if err != nil {
		return err
	}
	// With LOG_SHMFD this is answered, asked to or not.
	m := LogMessage(d.FD, d.Size(), 0)
	if p.HasProtocol(ProtoLogShmFD) {
		_, err = p.Ask(m)
	} else {
		err = p.Do(m)
	}
	if err == nil {
		err = p.SetFeatures(p.accepted | FeatureLogAll)
	}
	for _, r := range p.Rings {
		if err == nil {
			err = p.RingAddr(r)
		}
	}
	if err == nil {
		err = p.Sync()
	}
	if err != nil {
		return fmt.Errorf("start dirty log: %w", err)
	}
	return nil
}

// LogMessage is SET_LOG_BASE.
func LogMessage(fd int, size, offset uint64) Message {
	return Message{Request: SetLogBase, Payload: longs(size, offset), FDs: []int{fd}}
}

// StopLog ends it.
func (p *Peer) StopLog() error {
	d := p.Dirty
	p.Dirty = nil
	err := p.SetFeatures(p.accepted &^ FeatureLogAll)
	for _, r := range p.Rings {
		err = errors.Join(err, p.RingAddr(r))
	}
	if d != nil {
		err = errors.Join(err, p.Sync(), d.Close())
	}
	return err
}
