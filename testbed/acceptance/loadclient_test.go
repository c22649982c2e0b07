package acceptance

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"time"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"golang.org/x/crypto/ssh"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// Kinds of SSH clients. A quarter has a terminal: there may be 64 at a time.
const (
	byExec     = "exec"
	byLines    = "lines"
	byTerminal = "terminal"
)

var kinds = []string{byExec, byLines, byExec, byTerminal}

// How clients end.
const (
	wellBehaved = "well-behaved"
	resets      = "resets"                       // the connection
	vanishes    = "vanishes"                     // without a packet
	floods      = "vanishes amid output"         //
	deaf        = "does not read its channel"    // but its connection
	hangs       = "does not read its connection" //
	abandons    = "leaves a configuration session"
	modes       = "leaves a configuration mode"
)

// onTrial is the client that leaves a confirmed commit.
const onTrial = 11

var manners = []string{resets, vanishes, floods, deaf, hangs, abandons, modes}

// client is one SSH client.
type client struct {
	*load
	i      int
	kind   string
	manner string

	conn  *stubborn
	ssh   *ssh.Client
	shell *ssh.Session // of those who are no execs
	in    io.WriteCloser
	out   *bufio.Reader
}

func (c *client) login(ctx context.Context) error {
	ns := c.stay
	if c.manner == vanishes || c.manner == floods {
		ns = c.gone
	}
	var err error
	if c.conn, err = stubbornIn(ctx, ns, loadSSH); err != nil {
		return err
	}
	if c.ssh, err = sshOver(c.conn, loadSSH, "admin", "admin", time.Minute); err != nil {
		return err
	}
	c.leave(func() { _ = c.conn.reset() })
	if c.kind == byExec {
		return nil
	}
	return c.open()
}

// open starts a shell.
func (c *client) open() error {
	var err error
	if c.shell, err = c.ssh.NewSession(); err != nil {
		return err
	}
	if c.kind == byTerminal {
		if err := c.shell.RequestPty("xterm", 24, 80, ssh.TerminalModes{}); err != nil {
			return err
		}
	}
	if c.in, err = c.shell.StdinPipe(); err != nil {
		return err
	}
	out, err := c.shell.StdoutPipe()
	if err != nil {
		return err
	}
	c.out = bufio.NewReaderSize(out, 64<<10)
	if err := c.shell.Shell(); err != nil {
		return err
	}
	if c.kind == byTerminal {
		return c.line("terminal length 0")
	}
	return nil
}

// shows are what clients ask; show clock follows in shells, and marks the end.
var shows = []string{
	"show version", "show interface ethernet 1/1", "show running-config", "show vlan brief | json", "show interface status",
	"show users | count", "show mac address-table", "show nonsense", "show checkpoint summary", "show module",
}

var clock = regexp.MustCompile(`\d\d:\d\d:\d\d\.\d+ UTC`)

// line runs a line of a shell and waits for its end.
func (c *client) line(text string) error {
	end := "\n"
	if c.kind == byTerminal {
		end = "\r"
	}
	late := time.AfterFunc(time.Minute, func() { _ = c.conn.reset() })
	defer late.Stop()
	if _, err := io.WriteString(c.in, text+end+"show clock"+end); err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	for {
		l, err := c.out.ReadString('\n')
		if err != nil {
			return fmt.Errorf("%s: %w after %q", text, err, tail(l, 200))
		}
		if clock.MatchString(l) {
			return nil
		}
	}
}

// commands runs so many commands.
func (c *client) commands(n int) error {
	for i := range n {
		began := time.Now()
		if err := c.command(shows[(c.i+i)%len(shows)]); err != nil {
			return fmt.Errorf("command %d: %w", i, err)
		}
		c.took(c.kind, time.Since(began))
	}
	return nil
}

func (c *client) command(text string) error {
	if c.kind != byExec {
		return c.line(text)
	}
	s, err := c.ssh.NewSession()
	if err != nil {
		return err
	}
	defer s.Close()
	late := time.AfterFunc(time.Minute, func() { _ = c.conn.reset() })
	defer late.Stop()
	out, err := s.CombinedOutput(text)
	var exit *ssh.ExitError
	if errors.As(err, &exit) && text == "show nonsense" {
		err = nil
	}
	if err == nil && len(out) == 0 {
		err = errors.New("no output")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	return nil
}

// logout leaves in good manners.
func (c *client) logout() error {
	if c.shell != nil {
		end := "\n"
		if c.kind == byTerminal {
			end = "\r"
		}
		if _, err := io.WriteString(c.in, "exit"+end); err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, c.out); err != nil {
			return err
		}
		if err := c.shell.Wait(); err != nil && c.kind == byTerminal { // others tell of the nonsense they asked
			return err
		}
	}
	return c.ssh.Close()
}

// misbehave does what the client is bad for.
func (c *client) misbehave() error {
	flood := strings.Repeat("show running-config\nshow running-config all\nshow interface\n", 3000)
	switch c.manner {
	case vanishes:
		return nil // with the wire
	case resets:
		return c.conn.reset()
	case floods, deaf, hangs:
		if err := c.pour(flood); err != nil {
			return err
		}
		if c.manner == hangs {
			close(c.conn.stopped)
		}
		return nil
	case abandons, modes:
		return c.abandon()
	}
	return fmt.Errorf("no such manner: %s", c.manner)
}

// pour has the server print more than anybody takes, and reads nothing of it.
func (c *client) pour(text string) error {
	if c.kind == byExec {
		s, err := c.ssh.NewSession()
		if err != nil {
			return err
		}
		if _, err := s.StdoutPipe(); err != nil { // which nobody reads
			return err
		}
		return s.Start(text)
	}
	if c.kind == byTerminal {
		text = strings.ReplaceAll(text, "\n", "\r")
	}
	go func() { _, _ = io.WriteString(c.in, text) }() // ends with the connection
	return nil
}

// abandon leaves half of a change: of a configuration session, or of a mode. One
// client leaves a commit that waits to be confirmed.
func (c *client) abandon() error {
	text := "configure terminal\nvlan 900"
	if c.manner == abandons {
		text = fmt.Sprintf("configure session left-%d\nvlan %d\nname LEFT", c.i, 1000+c.i)
		if c.i == onTrial {
			text = "configure session trial\nvlan 901\nname ON-TRIAL\ncommit confirmed 1"
		}
	}
	if c.kind != byExec {
		end := "\n"
		if c.kind == byTerminal {
			end = "\r"
		}
		if err := c.line(strings.ReplaceAll(text, "\n", end)); err != nil {
			return err
		}
		return c.conn.reset()
	}
	s, err := c.ssh.NewSession()
	if err != nil {
		return err
	}
	if out, err := s.CombinedOutput(text); err != nil {
		return fmt.Errorf("%s: %w: %s", text, err, out)
	}
	return c.conn.reset()
}

// stream is one gNMI client: half of them sample, a quarter each follow changes
// and poll. Those who stay must hear every second.
func (l *load) stream(ctx context.Context, i int, bad bool, off <-chan struct{}) {
	fail := func(err error) {
		if !bad {
			l.harmed("gNMI client %d: %v", i, err)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	if !bad {
		defer cancel()
	} else {
		l.leave(cancel)
	}
	ns := l.stay
	if bad && i/2%4 == 0 {
		ns = l.gone
	}
	dialed := make(chan *stubborn, 1)
	conn, err := gnmiOver(loadGNMI, func(ctx context.Context) (net.Conn, error) {
		s, err := stubbornIn(ctx, ns, loadGNMI)
		if err != nil {
			return nil, err
		}
		select {
		case dialed <- s:
			return s, nil
		default: // a bad client that comes again
			return nil, errors.Join(net.ErrClosed, s.Close())
		}
	})
	if err != nil {
		fail(err)
		return
	}
	if bad {
		l.leave(func() { _ = conn.Close() })
	} else {
		defer conn.Close()
	}
	rpc, err := pb.NewGNMIClient(conn).Subscribe(metadata.AppendToOutgoingContext(ctx, "username", "admin", "password", "admin"), grpc.WaitForReady(true))
	if err != nil {
		fail(err)
		return
	}
	list, poll := subscription(i)
	if err := rpc.Send(&pb.SubscribeRequest{Request: &pb.SubscribeRequest_Subscribe{Subscribe: list}}); err != nil {
		fail(err)
		return
	}
	if poll {
		go polls(ctx, rpc)
	}
	heard := make(chan error, 1)
	go func() {
		last := time.Now()
		for n := 0; ; n++ {
			_, err := rpc.Recv()
			if err != nil {
				heard <- err
				return
			}
			if n > 0 && !bad {
				l.took("gNMI", time.Since(last))
			}
			last = time.Now()
			if bad && n == 5 {
				break
			}
		}
		switch i / 2 % 4 {
		case 1:
			_ = (<-dialed).reset()
		case 2:
			close((<-dialed).stopped)
		case 3: // receives no more for longer than is borne, but its connection does
			time.AfterFunc(80*time.Second, func() { _ = conn.Close() })
		} // 0 goes with the wire
	}()
	select {
	case err := <-heard:
		fail(err)
	case <-off:
	}
}

// polls polls every second until the subscription ends.
func polls(ctx context.Context, rpc pb.GNMI_SubscribeClient) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for rpc.Send(&pb.SubscribeRequest{Request: &pb.SubscribeRequest_Poll{Poll: &pb.Poll{}}}) == nil {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// subscription is what the i-th client subscribes to.
func subscription(i int) (list *pb.SubscriptionList, poll bool) {
	one := &pb.Subscription{Path: ocPath("interfaces"), Mode: pb.SubscriptionMode_SAMPLE, SampleInterval: uint64(time.Second)}
	list = &pb.SubscriptionList{Encoding: pb.Encoding_JSON_IETF, Subscription: []*pb.Subscription{one}}
	switch i / 2 / 4 % 4 {
	case 1:
		one.Mode, one.SampleInterval = pb.SubscriptionMode_ON_CHANGE, 0
	case 2:
		list.Mode = pb.SubscriptionList_POLL
	}
	return list, list.Mode == pb.SubscriptionList_POLL
}
