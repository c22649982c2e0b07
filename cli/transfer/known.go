package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"trunkline/cli/location"
)

// known keeps the keys of SSH servers, one for each name or address and port, in
// the format of OpenSSH's known_hosts.
type known struct {
	file string
	mu   sync.Mutex // of the file
}

// Bounds of the file.
const (
	maxKnown     = 1000
	maxKnownFile = 4 << 20
)

// errManyKeys is the answer to one server too many.
var errManyKeys = location.Error(fmt.Sprintf("Maximum number of known SSH hosts (%d) reached; see clear ssh hosts.", maxKnown))

// read returns what is in the file, and the key of a server; nil for none.
func (k *known) read(address string) (text []byte, key ssh.PublicKey, err error) {
	text, err = os.ReadFile(k.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil || len(text) > maxKnownFile {
		return nil, nil, location.Error("The keys of SSH hosts cannot be read.")
	}
	name := knownhosts.Normalize(address)
	for rest := text; len(rest) > 0; {
		_, hosts, found, _, more, err := ssh.ParseKnownHosts(rest)
		if err != nil { // the end, or no line of ours
			break
		}
		for _, h := range hosts {
			if h == name {
				key = found
			}
		}
		rest = more
	}
	return text, key, nil
}

// preferred are the algorithms of host keys that a client takes of a server that it
// does not know, as OpenSSH orders them.
var preferred = []string{
	ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256,
}

// algorithms are those of the key that is kept of a server, so that it shows that
// one and not another that it has as well.
func (k *known) algorithms(address string) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, key, err := k.read(address)
	switch {
	case err != nil || key == nil:
		return preferred
	case key.Type() == ssh.KeyAlgoRSA:
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{key.Type()}
}

// check decides whether a server may have a key, and keeps it if it is new and the
// operator agrees.
func (k *known) check(ctx context.Context, host, address string, remote net.Addr, key ssh.PublicKey, who location.Operator) error {
	k.mu.Lock()
	_, kept, err := k.read(address)
	k.mu.Unlock()
	print := ssh.FingerprintSHA256(key)
	switch {
	case err != nil:
		return err
	case kept != nil && bytes.Equal(kept.Marshal(), key.Marshal()):
		return nil
	case kept != nil:
		return location.Error(fmt.Sprintf("The host key of %s has changed: somebody may be in between. It is %s now, %s is known. If that is right, use clear ssh hosts.",
			host, print, ssh.FingerprintSHA256(kept)))
	}
	if who.Ask == nil {
		return location.Error(fmt.Sprintf("The host key of %s is not known, %s, and nobody can be asked: copy to or from there once at a terminal.", host, print))
	}
	kind := keyKind(key)
	question := fmt.Sprintf("The authenticity of host '%s (%s)' can't be established.\n%s key fingerprint is %s.\n"+
		"Are you sure you want to continue connecting "+location.Sure, host, remoteHost(remote), kind, print)
	for {
		answer, err := who.Ask(ctx, question, false)
		if err != nil {
			return err
		}
		answer = strings.ToLower(strings.TrimSpace(answer))
		if answer == "no" || answer == "n" {
			return location.Error("Host key verification failed.")
		}
		if answer == "yes" || answer == "y" {
			break
		}
		question = "Please type 'yes' or 'no': "
	}
	if err := k.add(address, key); err != nil {
		return err
	}
	if who.Say != nil {
		who.Say(fmt.Sprintf("Warning: Permanently added '%s' (%s) to the list of known hosts.", host, kind))
	}
	return nil
}

// remoteHost is the address of a server without its port.
func remoteHost(a net.Addr) string {
	host, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	return host
}

// keyKind is what operators call the type of a key: "ED25519".
func keyKind(key ssh.PublicKey) string {
	kind, _, _ := strings.Cut(strings.TrimPrefix(key.Type(), "ssh-"), "-")
	return strings.ToUpper(kind)
}

// add keeps the key of a server. The file is whole at any time.
func (k *known) add(address string, key ssh.PublicKey) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	text, _, err := k.read(address)
	if err != nil {
		return err
	}
	if bytes.Count(text, []byte("\n")) >= maxKnown {
		return errManyKeys
	}
	text = append(text, knownhosts.Line([]string{knownhosts.Normalize(address)}, key)+"\n"...)
	if err := k.write(text); err != nil {
		return location.Error("The host key cannot be kept: " + reason(err))
	}
	return nil
}

func (k *known) write(text []byte) error {
	if err := os.MkdirAll(filepath.Dir(k.file), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(k.file), filepath.Base(k.file)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // gone once it has its name
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), k.file)
}

// forget drops all keys.
func (k *known) forget() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := os.Remove(k.file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return location.Error("The keys of SSH hosts cannot be removed.")
	}
	return nil
}
