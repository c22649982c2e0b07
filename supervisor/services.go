package supervisor

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"path/filepath"
	"time"

	"trunkline/cli/session"
	"trunkline/config"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/dns"
	"trunkline/feature/logging"
	timefeature "trunkline/feature/ntp"
	jobs "trunkline/feature/scheduler"
	"trunkline/supervisor/ntp"
	"trunkline/supervisor/scheduler"
)

// serve tells the services of the switch itself what configuration wants of them.
func (s *Supervisor) serve() {
	t := s.config.Running().Tree
	s.names.Set(dns.Read(t))
	s.syslog.Set(logging.Read(t).Servers)
	s.time.Set(timefeature.Read(t))
}

// now is the time in the zone of the switch.
func (s *Supervisor) now() time.Time { return time.Now().In(feature.Location(s.config.Running().Tree)) }

// maxCertificates is the size of a file of certificates, in bytes.
const maxCertificates = 1 << 20

// certificates reads a file of certificates from the switch's file systems.
func (s *Supervisor) certificates(name string) ([]byte, error) {
	return s.files.Read(name, maxCertificates)
}

// managementAddress is the IPv4 address of mgmt0; none is not valid.
func (s *Supervisor) managementAddress() netip.Addr {
	for _, a := range feature.ManagementAddresses(s.config.Running().Tree) {
		if a, err := netip.ParseAddr(a); err == nil && a.Is4() {
			return a
		}
	}
	for _, a := range s.ofManagement() {
		if a.Is4() {
			return a
		}
	}
	return netip.Addr{}
}

// errNoAddress is why a server is not asked from mgmt0.
var errNoAddress = errors.New("mgmt0 has no IPv4 address")

// dialServer connects to a server of users, from the address of mgmt0 if
// configuration wants that.
func (s *Supervisor) dialServer(ctx context.Context, network, host string, port uint16, fromManagement bool) (net.Conn, error) {
	var from netip.Addr
	if fromManagement {
		if from = s.managementAddress(); !from.IsValid() {
			return nil, errNoAddress
		}
	}
	return s.names.DialFrom(ctx, network, host, port, from)
}

// notTold is why the clock of the machine is left alone.
const notTold = "the supervisor runs without --set-clock"

// ntp is the configuration of the time from the network. The clock is that of the
// machine, which other programs share, and which mostly has somebody who sets it:
// it is left alone unless the one who starts the supervisor says otherwise.
func (s *Supervisor) ntp() ntp.Config {
	c := ntp.Config{
		Dial: func(ctx context.Context, host string, port uint16, local netip.Addr) (net.Conn, error) {
			return s.names.DialFrom(ctx, "udp", host, port, local)
		},
		Management: s.managementAddress,
		Reason:     notTold, Log: s.log,
	}
	if s.cfg.SetClock {
		c.Clock, c.Reason = ntp.Machine{}, ""
	}
	return c
}

// scheduler runs jobs by the clock.
func (s *Supervisor) scheduler() *scheduler.Service {
	return scheduler.New(scheduler.Config{
		Running: func() tree.Tree { return s.config.Running().Tree }, Subscribe: s.config.Subscribe,
		Open:  func(who feature.Session) scheduler.Session { return s.cli.Session(session.Options{Who: who}) },
		Clock: s.cfg.Clock, File: filepath.Join(s.cfg.StateDir, "log", "scheduler"), Events: s.messages, Log: s.log,
	})
}

// stamp writes into a candidate who answers for the schedules that it changes.
func (s *Supervisor) stamp(old, new tree.Tree, m config.Meta) tree.Tree {
	now := time.Now()
	if s.cfg.Clock != nil {
		now = s.cfg.Clock.Now()
	}
	return jobs.Stamp(old, new, m.User, now.In(feature.Location(new)))
}
