package xdp

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
)

// program is what the kernel runs for each frame of a device: a lookup of the
// receive queue's socket. It is attached by a link that this process holds, so
// that it ends with the process whatever becomes of it.
type program struct {
	sockets *ebpf.Map // queue number to socket
	code    *ebpf.Program
	link    link.Link
	mode    string // "native" or "generic"
}

// Constants of the kernel's interface: struct xdp_md, enum xdp_action.
const (
	atQueueIndex = 16 // offset of rx_queue_index
	actionPass   = 2  // XDP_PASS: to the host, as without the program
)

// load loads and attaches the program. It must run in the device's namespace.
func load(index, queues int, generic bool) (p *program, err error) {
	p = &program{}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
			p = nil
		}
	}()
	p.sockets, err = ebpf.NewMap(&ebpf.MapSpec{
		Name: "trunkline_sockets", Type: ebpf.XSKMap, KeySize: 4, ValueSize: 4, MaxEntries: uint32(queues),
	})
	if err != nil {
		return p, fmt.Errorf("make socket map: %w", err)
	}
	p.code, err = ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "trunkline_xdp", Type: ebpf.XDP, License: "Apache-2.0",
		Instructions: asm.Instructions{
			asm.LoadMem(asm.R2, asm.R1, atQueueIndex, asm.Word),
			asm.LoadMapPtr(asm.R1, p.sockets.FD()),
			asm.Mov.Imm(asm.R3, actionPass),
			asm.FnRedirectMap.Call(),
			asm.Return(),
		},
	})
	if err != nil {
		return p, fmt.Errorf("load program: %w", err)
	}
	p.mode = "native"
	if !generic {
		p.link, err = link.AttachXDP(link.XDPOptions{Program: p.code, Interface: index, Flags: link.XDPDriverMode})
		if err == nil {
			return p, nil
		}
	}
	native := err
	p.mode = "generic"
	p.link, err = link.AttachXDP(link.XDPOptions{Program: p.code, Interface: index, Flags: link.XDPGenericMode})
	if err != nil {
		return p, fmt.Errorf("attach program: %w", errors.Join(native, err))
	}
	return p, nil
}

// serve makes the program hand the frames of a receive queue to a socket.
func (p *program) serve(queue, fd int) error {
	if err := p.sockets.Put(uint32(queue), uint32(fd)); err != nil {
		return fmt.Errorf("enter socket of receive queue %d: %w", queue, err)
	}
	return nil
}

// close detaches and unloads.
func (p *program) close() error {
	var errs []error
	if p.link != nil {
		errs = append(errs, p.link.Close())
	}
	if p.code != nil {
		errs = append(errs, p.code.Close())
	}
	if p.sockets != nil {
		errs = append(errs, p.sockets.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("unload program: %w", err)
	}
	return nil
}
