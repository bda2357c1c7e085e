return Repro.CommandLine.Run(args);
