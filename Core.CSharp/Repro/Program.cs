return Repro.CommandLine.Run(args, beforeVerb: Repro.Verbs.ProcessorCheck.Prepare);
