package sshd

import (
	"context"
	"errors"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"trunkline/feature"
)

// identityKey is where a proved identity is in a connection's permissions.
type identityKey struct{}

func identity(p *ssh.Permissions) (feature.Identity, bool) {
	if p == nil {
		return feature.Identity{}, false
	}
	who, ok := p.ExtraData[identityKey{}].(feature.Identity)
	return who, ok
}

// errLogin is all that a client learns; x/crypto does not even send it.
var errLogin = errors.New("login incorrect")

// proved makes permissions of an identity.
func proved(who feature.Identity, err error) (*ssh.Permissions, error) {
	if err != nil {
		return nil, errLogin
	}
	return &ssh.Permissions{ExtraData: map[any]any{identityKey{}: who}}, nil
}

// prompt is that of keyboard-interactive (cli.md §2.1).
const prompt = "Password: "

// maxUser is the longest name of a user that is worth asking for, in bytes.
const maxUser = 128

// config is how one client from an address logs in.
func (s *Server) config(ctx context.Context, from string) *ssh.ServerConfig {
	password := func(conn ssh.ConnMetadata, text string) (*ssh.Permissions, error) {
		if len(conn.User()) > maxUser {
			return nil, errLogin
		}
		return proved(s.cfg.Auth.Password(ctx, conn.User(), text, from))
	}
	c := &ssh.ServerConfig{
		MaxAuthTries:  s.cfg.Settings().Attempts,
		ServerVersion: "SSH-2.0-Trunkline_" + versionWord(s.cfg.Version),
		PasswordCallback: func(conn ssh.ConnMetadata, p []byte) (*ssh.Permissions, error) {
			return password(conn, string(p))
		},
		KeyboardInteractiveCallback: func(conn ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			answers, err := ask("", "", []string{prompt}, []bool{false})
			if err != nil || len(answers) != 1 {
				return nil, errLogin
			}
			return password(conn, answers[0])
		},
		PublicKeyCallback: func(conn ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if len(conn.User()) > maxUser {
				return nil, errLogin
			}
			return proved(s.cfg.Auth.PublicKey(ctx, conn.User(), key.Marshal(), from))
		},
	}
	modern := ssh.SupportedAlgorithms()
	c.KeyExchanges, c.Ciphers, c.PublicKeyAuthAlgorithms = modern.KeyExchanges, modern.Ciphers, modern.PublicKeyAuths
	c.MACs = slices.DeleteFunc(modern.MACs, func(name string) bool { return name == ssh.HMACSHA1 })
	c.AddHostKey(s.key)
	return c
}

// versionWord is the version with the characters that RFC 4253 §4.2 allows and
// people read: "1.0-1".
func versionWord(v string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.':
			return r
		}
		return '_'
	}, v), "_")
}
