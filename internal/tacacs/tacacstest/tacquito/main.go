// Command tacquito is the TACACS+ server of github.com/facebookincubator/tacquito
// for tests: as its own command, without syslog and without an exporter of metrics.
package main

import (
	"context"
	"flag"
	"net"
	"os"
	"os/signal"
	"syscall"

	tq "github.com/facebookincubator/tacquito"
	"github.com/facebookincubator/tacquito/cmds/server/config"
	"github.com/facebookincubator/tacquito/cmds/server/config/accounters/local"
	"github.com/facebookincubator/tacquito/cmds/server/config/authenticators/bcrypt"
	"github.com/facebookincubator/tacquito/cmds/server/config/authorizers/stringy"
	"github.com/facebookincubator/tacquito/cmds/server/config/secret"
	"github.com/facebookincubator/tacquito/cmds/server/config/secret/prefix"
	"github.com/facebookincubator/tacquito/cmds/server/handlers"
	"github.com/facebookincubator/tacquito/cmds/server/loader"
	"github.com/facebookincubator/tacquito/cmds/server/loader/fsnotify"
	"github.com/facebookincubator/tacquito/cmds/server/loader/yaml"
	"github.com/facebookincubator/tacquito/cmds/server/log"
)

// keys is the keychain of a configuration whose hashes are in it.
type keys struct{}

// GetSecret implements the keychain of bcrypt; no user of the tests needs it.
func (keys) GetSecret(context.Context, string, string) ([]byte, error) { return nil, nil }

func main() {
	address := flag.String("address", "127.0.0.1:49", "`address` to listen on")
	path := flag.String("config", "tacquito.yaml", "`file` of the configuration")
	accounts := flag.String("accounts", "accounts", "`file` of accounting")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	logger := log.New(30, os.Stderr)
	if err := serve(ctx, logger, *address, *path, *accounts); err != nil {
		logger.Errorf(ctx, "%v", err)
		os.Exit(1)
	}
}

func serve(ctx context.Context, logger *log.Logger, address, path, accounts string) error {
	file, err := local.New(logger, local.SetLogSinkDefault(accounts, ""))
	if err != nil {
		return err
	}
	secrets, err := loader.NewLocalConfig(ctx, path, fsnotify.New(ctx, yaml.New(), logger),
		loader.SetLoggerProvider(logger),
		loader.SetKeychainProvider(secret.New()),
		loader.SetConfigProvider(config.New()),
		loader.SetAuthorizerProvider(stringy.New(logger)),
		loader.RegisterSecretProviderType(config.PREFIX, prefix.New(logger)),
		loader.RegisterHandlerType(config.START, handlers.NewStart(logger)),
		loader.RegisterAuthenticator(config.BCRYPT, bcrypt.New(logger, keys{})),
		loader.RegisterAccounter(config.FILE, file),
	)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return tq.NewServer(logger, secrets).Serve(ctx, l.(*net.TCPListener))
}
