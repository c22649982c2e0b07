package supervisor

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"trunkline/cli/nxapi"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	users "trunkline/feature/aaa"
	feat "trunkline/feature/nxapi"
	"trunkline/supervisor/aaa"
	"trunkline/supervisor/listen"
	"trunkline/supervisor/pki"
)

// DefaultNXAPI is where NX-API is served if nothing else is said.
var DefaultNXAPI = listen.Follow(feat.DefaultHTTPS, feat.DefaultHTTPS)

// NXAPIFlag declares the flag of NX-API. The result holds what it says once flags
// have been parsed.
func NXAPIFlag(fs *flag.FlagSet) *listen.Where {
	w := DefaultNXAPI
	fs.Var(&w, "nxapi", "`address` of NX-API, HOST:PORT, while configuration has it on; empty for none")
	return &w
}

// apiServer is the NX-API server while configuration has it on. Settle brings about
// what configuration wants; it is called by one goroutine at a time.
type apiServer struct {
	s      *Supervisor
	server *nxapi.Server
	doors  [2]apiDoor // of HTTPS and HTTP
	files  [2]string  // of the certificate in use and its key, "" for self-signed

	cert *tls.Certificate // nil for none
	down error            // why it does not run as configuration wants, as it was told

	now atomic.Pointer[apiState]
}

// apiState is what others see of it; nobody changes it.
type apiState struct {
	on        bool
	cert      *tls.Certificate
	wanted    [2]bool
	listeners [2]*listen.Listener // nil for those that could not be had
}

// apiDoor is one port.
type apiDoor struct {
	name     string
	secure   bool
	where    listen.Where
	listener *listen.Listener // nil for none
	served   bool
}

// errNoSocket says that a port cannot be had yet.
var errNoSocket = errors.New("no address can be had")

// retryNXAPI is how long after a failure it is tried again.
const retryNXAPI = 10 * time.Second

// openNXAPI makes the NX-API server and takes its addresses; nil without one. An
// error is that of an address which the operator named.
func (s *Supervisor) openNXAPI() (*apiServer, error) {
	if s.cfg.NXAPI.Off() {
		return nil, nil
	}
	w := &apiServer{s: s, doors: [2]apiDoor{{name: "NX-API", secure: true}, {name: "NX-API without TLS"}}}
	w.now.Store(&apiState{})
	w.server = nxapi.New(nxapi.Config{
		CLI: s.cli, Auth: s.users, Busy: aaa.ErrBusy, Proof: s.proof, Log: s.log,
	})
	if err := w.settle(); err != nil && feat.Read(s.config.Running().Tree, 0).HTTPS == 0 && !errors.Is(err, errNoSocket) {
		w.close()
		return nil, err
	}
	return w, nil
}

// proof changes with the password of a user.
func (s *Supervisor) proof(user string) string {
	return users.Secret(s.config.Running().Tree, user).String()
}

// run serves clients until ctx is done, and all have gone.
func (w *apiServer) run(ctx context.Context) {
	var serving sync.WaitGroup
	defer serving.Wait()
	defer w.close()
	wake, cancel := w.s.config.Subscribe()
	defer cancel()
	for {
		var retry <-chan time.Time
		if w.settle() != nil {
			retry = time.After(retryNXAPI)
		}
		for i := range w.doors {
			w.serve(ctx, &w.doors[i], &serving)
		}
		select {
		case <-wake:
			w.server.Review()
		case <-retry:
		case <-ctx.Done():
			return
		}
	}
}

// settle opens and closes ports until they are as configuration wants. The error
// is why they are not.
func (w *apiServer) settle() error {
	t := w.s.config.Running().Tree
	var wanted [2]listen.Where
	var errs []error
	if feat.Enabled(t) {
		c := feat.Read(t, 0)
		wanted[0] = w.s.cfg.NXAPI
		if c.HTTPS != 0 {
			wanted[0] = wanted[0].WithPort(uint16(c.HTTPS))
		}
		if c.HTTP != 0 {
			wanted[1] = w.s.cfg.NXAPI.WithPort(uint16(c.HTTP))
		}
		if err := w.certify(c); err != nil {
			errs = append(errs, err)
			wanted[0] = listen.Where{}
		}
	} else {
		w.cert = nil // files are read again when it is turned on
	}
	for i := range w.doors { // what one gives up, another may take
		if d := &w.doors[i]; d.where != wanted[i] {
			d.shut()
		}
	}
	for i := range w.doors {
		if err := w.doors[i].open(wanted[i], w.s); err != nil {
			errs = append(errs, err)
		}
	}
	now := &apiState{on: feat.Enabled(t), cert: w.cert, wanted: [2]bool{feat.Enabled(t), !wanted[1].Off()}}
	for i := range w.doors {
		now.listeners[i] = w.doors[i].listener
	}
	w.now.Store(now)
	err := errors.Join(errs...)
	w.tell(err)
	return err
}

// certify takes the certificate that configuration wants, if it has another.
func (w *apiServer) certify(c feat.Config) error {
	var files [2]string
	if c.Own {
		files = [2]string{c.Certificate, c.Key}
	}
	if w.cert != nil && w.files == files {
		return nil
	}
	var cert tls.Certificate
	var err error
	if c.Own {
		cert, err = w.s.certificate(c)
	} else {
		cert, err = pki.Service(filepath.Join(w.s.cfg.StateDir, pki.Dir, "nxapi.pem"), "trunkline")
	}
	if w.cert, w.files = &cert, files; err != nil {
		w.cert = nil
	}
	return err
}

// maxPEM bounds the files of certificates, in bytes.
const maxPEM = 256 << 10

// certificate reads the certificate that configuration names.
func (s *Supervisor) certificate(c feat.Config) (tls.Certificate, error) {
	chain, err := s.files.Read(c.Certificate, maxPEM)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := s.files.Read(c.Key, maxPEM)
	if err != nil {
		return tls.Certificate{}, err
	}
	cert, err := tls.X509KeyPair(chain, key)
	if err != nil { // it names neither the key nor what is in it
		return tls.Certificate{}, fmt.Errorf("ERROR: The certificate %s with the key %s cannot be used: %w", c.Certificate, c.Key, err)
	}
	return cert, nil
}

// checkCertificate refuses a certificate that cannot be used. One that was in use
// already is let be, so that a file that is lost does not hold up other changes.
func (s *Supervisor) checkCertificate(old, new tree.Tree) []schema.Problem {
	was, now := feat.Read(old, 0), feat.Read(new, 0)
	same := was.Own && was.Key == now.Key && was.Certificate == now.Certificate
	if s.files == nil || !now.Own || same || now.Key == "" || now.Certificate == "" {
		return nil
	}
	if _, err := s.certificate(now); err != nil {
		return []schema.Problem{{Path: tree.Path{{Name: "nxapi"}, {Name: "own"}}, Rule: "certificate", Text: err.Error()}}
	}
	return nil
}

// serve serves a port that is open and not served yet.
func (w *apiServer) serve(ctx context.Context, d *apiDoor, serving *sync.WaitGroup) {
	if d.listener == nil || d.served {
		return
	}
	d.served = true
	var config *tls.Config
	if d.secure {
		config = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			if now := w.now.Load(); now.cert != nil {
				return now.cert, nil
			}
			return nil, errors.New("there is no certificate")
		}}
	}
	l := d.listener
	serving.Go(func() {
		if err := w.server.Serve(ctx, l, config); err != nil {
			w.s.log.Warn("NX-API server stopped listening", "error", err)
		}
	})
}

// open takes an address, if it is another.
func (d *apiDoor) open(where listen.Where, s *Supervisor) error {
	if d.listener == nil && !where.Off() {
		l, err := listen.Open(listen.Service{Name: d.name, Patience: nxapi.Patience}, where, s, s.log)
		if err != nil {
			return err
		}
		d.listener, d.where = l, where
	}
	if d.listener != nil && len(d.listener.Addrs()) == 0 {
		return fmt.Errorf("%s: port %d: %w", d.name, where.Port(s.HasManagement()), errNoSocket)
	}
	return nil
}

// shut stops listening. Those who are served get their answers first.
func (d *apiDoor) shut() {
	if d.listener != nil {
		_ = d.listener.Close() // closed already when the server has ended
	}
	d.listener, d.served, d.where = nil, false, listen.Where{}
}

// close stops listening for good.
func (w *apiServer) close() {
	if w == nil {
		return
	}
	for i := range w.doors {
		w.doors[i].shut()
	}
	w.now.Store(&apiState{})
}

// serves reports whether it runs as configuration wants.
func (w *apiServer) serves() bool {
	if w == nil {
		return false
	}
	now := w.now.Load()
	for i, l := range now.listeners {
		if now.wanted[i] && (l == nil || len(l.Addrs()) == 0) {
			return false
		}
	}
	return now.on
}

// facts are what show nxapi shows.
func (w *apiServer) facts() feature.NXAPI {
	if w == nil {
		return feature.NXAPI{}
	}
	now := w.now.Load()
	f := feature.NXAPI{Cookie: nxapi.DefaultLimits.Cookie, Command: nxapi.DefaultLimits.Run, HTTPS: port(now.listeners[0]), HTTP: port(now.listeners[1])}
	if now.cert != nil && now.cert.Leaf != nil {
		f.Issuer, f.Expires = now.cert.Leaf.Issuer.String(), now.cert.Leaf.NotAfter
	}
	return f
}

// port is the port of a listener, 0 for none.
func port(l *listen.Listener) int {
	if l == nil {
		return 0
	}
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		return a.Port
	}
	return 0
}

// NXAPIAddress is where NX-API is served with TLS, nil for nowhere.
func (s *Supervisor) NXAPIAddress() net.Addr {
	if s.nxapi == nil {
		return nil
	}
	if l := s.nxapi.now.Load().listeners[0]; l != nil && len(l.Addrs()) > 0 {
		return l.Addr()
	}
	return nil
}

// tell says once why the server does not run as configuration wants, if so.
func (w *apiServer) tell(err error) {
	if err != nil && (w.down == nil || w.down.Error() != err.Error()) {
		w.s.log.Warn("NX-API does not run", "error", err)
		w.s.messages.Log(feature.Event{Facility: "NXAPI", Severity: feature.Err, Mnemonic: "NOT_RUNNING", Text: "NX-API does not run: " + strings.ReplaceAll(err.Error(), "\n", "; ")})
	}
	w.down = err
}
