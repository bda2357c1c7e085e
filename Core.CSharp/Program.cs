return Reproduction.Cli.CommandLine.Run(args);
