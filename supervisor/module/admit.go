package module

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"trunkline/feature"
	"trunkline/internal/ether"
	"trunkline/linecard/api"
)

// silentAfter is how many heartbeat intervals a session must have been silent
// before the same card may take its place: it has restarted, and the old
// connection has not noticed. A card that is heard keeps its slot.
const silentAfter = 2

// Bounds of the fields of a request, in bytes. Who sends one is unknown, and it
// may have to wait.
const (
	maxCSR   = 8 << 10
	maxField = 512
)

// Enrol implements the service: it issues the certificate of a card.
func (m *Manager) Enrol(ctx context.Context, r *api.EnrolRequest) (reply *api.EnrolReply, err error) {
	defer m.rescue(&err)
	if len(r.GetCsr()) > maxCSR || max(len(r.GetUuid()), len(r.GetHost()), len(r.GetToken()), len(r.GetFingerprint())) > maxField {
		return nil, status.Error(codes.InvalidArgument, "the request is too long")
	}
	select {
	case m.enrolling <- struct{}{}:
		defer func() { <-m.enrolling }()
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	_, from, _ := peerOf(ctx)
	set := m.settings()
	refuse := func(text string) error {
		m.refuse(r.GetUuid(), from, text)
		return status.Error(codes.PermissionDenied, text)
	}
	if text := checkDomain(r.GetDomain(), set.Domain); text != "" {
		return nil, refuse(text)
	}
	ca := m.cfg.Authority
	if fp := r.GetFingerprint(); len(fp) != 0 && string(fp) != ca.Fingerprint() {
		return nil, refuse(fmt.Sprintf("the card looks for another chassis; this is chassis %s", ca.Chassis()))
	}
	der, err := ca.Enrol(r.GetUuid(), r.GetCsr(), r.GetToken(), set.Admission, time.Now())
	if err != nil {
		return nil, refuse(err.Error())
	}
	m.cfg.Log.Info("card enrolled", "host", r.GetUuid(), "from", from)
	return &api.EnrolReply{Certificate: der, Ca: ca.Certificate().Raw}, nil
}

// Attach implements the service: it is the life of a session. Nothing is read
// from a peer that shows no certificate of a card.
func (m *Manager) Attach(st stream) (err error) {
	defer m.rescue(&err)
	cert, from, guest := peerOf(st.Context())
	refuse := func(host, text string) error {
		m.refuse(host, from, text)
		return st.Send(&api.ToCard{M: &api.ToCard_Welcome{Welcome: &api.Welcome{Refusal: text}}})
	}
	if _, text := m.identify(cert); text != "" {
		return refuse(claimed(cert), text)
	}
	guest.trust()
	hello, err := m.hello(st)
	if err != nil {
		return err
	}
	guest.stay()
	defer guest.leave()
	s, text := m.admit(st.Context(), cert, from, hello)
	if text != "" {
		return refuse(hello.GetUuid(), text)
	}
	if _, text := m.identify(cert); text != "" { // its key was cleared meanwhile
		s.end(ended{why: text})
	}
	return s.run(st)
}

// identify returns the host of a certificate, or why it is that of none.
func (m *Manager) identify(cert *x509.Certificate) (host, refusal string) {
	if cert == nil {
		return "", "the card shows no certificate"
	}
	host, err := m.cfg.Authority.Admit(cert, m.settings().Admission, time.Now())
	if err != nil {
		return "", err.Error()
	}
	return host, ""
}

// claimed is who a certificate says that it is of, "unknown" if nobody.
func claimed(cert *x509.Certificate) string {
	if cert != nil {
		if id, err := api.IdentityOf(cert); err == nil && id.Host != "" {
			return id.Host
		}
	}
	return "unknown"
}

// rescue makes an error of a panic, deferred by who serves a peer.
func (m *Manager) rescue(err *error) {
	if p := recover(); p != nil {
		m.cfg.Log.Error("panic while serving a line card", "panic", p, "stack", string(debug.Stack()))
		*err = status.Error(codes.Internal, "internal error of the supervisor")
	}
}

// hello waits for the first message, for a limited time.
func (m *Manager) hello(st stream) (*api.Hello, error) {
	first := make(chan *api.FromCard, 1)
	m.streams.Go(func() {
		msg, _ := st.Recv()
		first <- msg
	})
	timer := time.NewTimer(helloTime)
	defer timer.Stop()
	select {
	case msg := <-first:
		if h := msg.GetHello(); h != nil {
			return h, nil
		}
		return nil, status.Error(codes.InvalidArgument, "the first message must be a hello")
	case <-timer.C:
		return nil, status.Error(codes.DeadlineExceeded, "no hello in time")
	case <-st.Context().Done():
		return nil, status.FromContextError(st.Context().Err()).Err()
	}
}

// admit decides about a card. It returns its session, which is in its slot, or
// why there is none.
func (m *Manager) admit(ctx context.Context, cert *x509.Certificate, from string, h *api.Hello) (*session, string) {
	set := m.settings()
	host, text := m.identify(cert)
	if text != "" {
		return nil, text
	}
	if h.GetUuid() != host {
		return nil, fmt.Sprintf("the card's certificate is of host %s, not of %s", host, shown(h.GetUuid(), 64))
	}
	if text := checkDomain(h.GetDomain(), set.Domain); text != "" {
		return nil, text
	}

	m.admission.Lock()
	defer m.admission.Unlock()
	if text := m.evict(ctx, host, set); text != "" {
		return nil, text
	}
	slot, err := m.bind(ctx, host, int(h.GetSlot()), set.AutoSlot)
	if err != nil {
		return nil, err.Error()
	}
	address := shown(h.GetAddress(), 64)
	if address == "" {
		address = from
	}
	return m.insert(newSession(m, slot, host, set), address, h)
}

// checkDomain compares domain ids; a card that names none takes the chassis's.
func checkDomain(card, chassis uint32) string {
	switch {
	case card == 0 || card == chassis:
		return ""
	case chassis == 0:
		return fmt.Sprintf("wrong domain: the card is of domain %d, this chassis has none (svs-domain, domain id)", card)
	}
	return fmt.Sprintf("wrong domain: the card is of domain %d, this chassis of domain %d", card, chassis)
}

// evict makes room for a card that comes again: it ends a session of the same
// host that is silent, and refuses while it is heard.
func (m *Manager) evict(ctx context.Context, host string, set Settings) string {
	for {
		m.mu.Lock()
		var old *session
		var address string
		var silent time.Duration
		for _, v := range m.slots {
			if v.session != nil && v.session.host == host {
				old, address, silent = v.session, v.view.Address, time.Since(v.session.lastHeard)
			}
		}
		m.mu.Unlock()
		if old == nil {
			return ""
		}
		if silent < silentAfter*set.Interval {
			return fmt.Sprintf("host %s is attached already, as module %d from %s", host, old.slot, address)
		}
		old.end(ended{why: "the same host attaches again", conflict: true})
		select {
		case <-old.closed:
		case <-ctx.Done():
			return "connection lost"
		}
	}
}

// bind returns the slot of a host, binding one if it has none.
func (m *Manager) bind(ctx context.Context, host string, want int, auto bool) (int, error) {
	b := m.cfg.Bindings
	if slot := b.Slot(host); slot != 0 {
		return slot, nil
	}
	if !auto {
		return 0, fmt.Errorf("host %s is bound to no slot (vem N, host id %s) and vem auto-slot is off", host, host)
	}
	slot := want
	if want != 0 {
		if want < feature.FirstCard || want > feature.MaxModule {
			return 0, fmt.Errorf("slot %d is none of a line card: they are %d to %d", want, feature.FirstCard, feature.MaxModule)
		}
		if other := b.Host(want); other != "" {
			return 0, fmt.Errorf("slot %d is taken by host %s", want, other)
		}
	} else {
		slot = feature.FirstCard
		for b.Host(slot) != "" {
			if slot++; slot > feature.MaxModule {
				return 0, errors.New("every slot is taken")
			}
		}
	}
	if err := b.Bind(ctx, slot, host); err != nil {
		return 0, fmt.Errorf("bind slot %d to host %s: %w", slot, host, err)
	}
	return slot, nil
}

// insert puts the session into its slot.
func (m *Manager) insert(s *session, address string, h *api.Hello) (*session, string) {
	now := time.Now()
	m.mu.Lock()
	if m.draining {
		m.mu.Unlock()
		return nil, "the supervisor stops"
	}
	v := m.slots[s.slot]
	if v == nil {
		v = &slot{}
		m.slots[s.slot] = v
	}
	if other := v.session; other != nil {
		m.mu.Unlock()
		other.changed() // it will find that its slot is bound to another
		return nil, fmt.Sprintf("slot %d is still in use by host %s", s.slot, other.host)
	}
	m.forgive(s.host)
	old := v.view
	s.unsupported = unsupported(m.cfg.Versions, h.GetFeatures())
	v.view.Unsupported = s.unsupported
	v.session, s.lastHeard = s, now
	v.view.Slot, v.view.Status, v.view.Since, v.view.EverSeen = s.slot, feature.ModulePoweredUp, now, true
	v.view.UUID, v.view.Host, v.view.Address = s.host, shown(h.GetHost(), 63), address
	v.view.Version, v.view.OS = shown(h.GetVersion(), 32), shown(h.GetOs(), 64)
	v.view.MAC = ether.MAC{0x02, 0x00, 0x0c, byte(s.slot >> 8), byte(s.slot)}
	v.view.Desired, v.view.Applied = 0, h.GetGeneration()
	v.view.NodeRequestsIn++
	v.view.InsertedOut++
	view := v.view
	m.mu.Unlock()

	if ns := h.GetNamespace(); ns != "" && ns == m.cfg.Namespace && m.cfg.Inband != nil {
		m.cfg.Inband(s.slot)
	}
	m.cfg.Changed()
	s.event(critical, evDetected, "Host %s detected as module %d", view.Host, s.slot)
	if len(s.unsupported) > 0 {
		s.event(critical, evUnsupported, "Not supported on module %d: %s", s.slot, strings.Join(s.unsupported, ", "))
	}
	if old.UUID == view.UUID && (old.Host != view.Host || old.Address != view.Address) {
		s.event(notice, evHost, "Module %d is now host %s, address %s", s.slot, view.Host, view.Address)
	}
	if h.GetSlot() != 0 && int(h.GetSlot()) != s.slot {
		m.cfg.Log.Warn("card asked for another slot than its own", "slot", s.slot, "asked", h.GetSlot())
	}
	return s, ""
}

// peerOf returns the certificate that the peer showed, nil for none, where it
// calls from, "" for a local socket, and its connection.
func peerOf(ctx context.Context) (*x509.Certificate, string, *guest) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil, "", nil
	}
	from := source(p.Addr)
	info, _ := p.AuthInfo.(caller)
	if len(info.State.PeerCertificates) == 0 {
		return nil, from, info.guest
	}
	return info.State.PeerCertificates[0], from, info.guest
}
