namespace Expecto

/// The runner: what a run gives, how it is printed, and how leaves are executed.
module Impl =
    open System
    open System.Diagnostics
    open System.Threading
    open System.Threading.Tasks

    /// With what a path of names is joined into one.
    type JoinWith =
        | Dot
        | Slash

        member x.asString =
            match x with
            | Dot -> "."
            | Slash -> "/"

        member x.format(parts: string list) = String.concat x.asString parts

    type TestResult =
        | Passed
        | Ignored of string
        | Failed of string
        | Error of exn

        member x.isPassed = x.IsPassed
        member x.isIgnored = x.IsIgnored
        member x.isFailed = x.IsFailed
        member x.isException = x.IsError

    type TestSummary =
        { result: TestResult
          count: int
          /// Milliseconds.
          meanDuration: float
          /// Milliseconds.
          maxDuration: float }

        member x.duration = TimeSpan.FromMilliseconds x.meanDuration

        static member single result duration =
            { result = result
              count = 1
              meanDuration = duration
              maxDuration = duration }

    type TestRunSummary =
        { results: (FlatTest * TestSummary) list
          duration: TimeSpan }

        member x.passed = x.results |> List.filter (fun (_, r) -> r.result.isPassed)
        member x.ignored = x.results |> List.filter (fun (_, r) -> r.result.isIgnored)
        member x.failed = x.results |> List.filter (fun (_, r) -> r.result.isFailed)
        member x.errored = x.results |> List.filter (fun (_, r) -> r.result.isException)

        member x.errorCode = (if x.failed.IsEmpty then 0 else 1) ||| (if x.errored.IsEmpty then 0 else 2)
        member x.successful = x.errorCode = 0

    let private console = obj ()

    let private print (text: string) =
        async { lock console (fun () -> Console.Out.WriteLine text) }

    /// What is written while tests run.
    [<ReferenceEquality>]
    type TestPrinters =
        { beforeRun: Test -> Async<unit>
          info: string -> Async<unit>
          passed: string -> TimeSpan -> Async<unit>
          ignored: string -> string -> Async<unit>
          failed: string -> string -> TimeSpan -> Async<unit>
          exn: string -> exn -> TimeSpan -> Async<unit>
          summary: ExpectoConfig -> TestRunSummary -> Async<unit> }

        static member silent =
            { beforeRun = fun _ -> async.Zero()
              info = fun _ -> async.Zero()
              passed = fun _ _ -> async.Zero()
              ignored = fun _ _ -> async.Zero()
              failed = fun _ _ _ -> async.Zero()
              exn = fun _ _ _ -> async.Zero()
              summary = fun _ _ -> async.Zero() }

        static member defaultPrinter =
            { beforeRun = fun _ -> async.Zero()
              info = print
              passed = fun _ _ -> async.Zero()
              ignored = fun name reason -> print (sprintf "%s was ignored: %s" name reason)
              failed = fun name message duration -> print (sprintf "%s failed in %O. %s\n" name duration message)
              exn = fun name e duration -> print (sprintf "%s errored in %O. %O\n" name duration e)
              summary =
                fun _ summary ->
                    print (
                        sprintf
                            "%d tests run in %O: %d passed, %d ignored, %d failed, %d errored."
                            summary.results.Length
                            summary.duration
                            summary.passed.Length
                            summary.ignored.Length
                            summary.failed.Length
                            summary.errored.Length
                    ) }

        /// As the given printer, and the names of all tests by result at the end.
        static member summaryPrinter(innerPrinter: TestPrinters) =
            let section title (config: ExpectoConfig) (tests: (FlatTest * TestSummary) list) =
                let names = tests |> List.map (fun (test, _) -> "\n\t" + config.joinWith.format test.name) |> String.concat ""
                sprintf "%s: %d%s" title tests.Length names

            { innerPrinter with
                summary =
                    fun config summary ->
                        async {
                            do! innerPrinter.summary config summary

                            do!
                                [ section "Passed" config summary.passed
                                  section "Ignored" config summary.ignored
                                  section "Failed" config summary.failed
                                  section "Errored" config summary.errored ]
                                |> String.concat "\n"
                                |> print
                        } }

    and ExpectoConfig =
        { runInParallel: bool
          parallelWorkers: int
          failOnFocusedTests: bool
          filter: Test -> Test
          listStates: FocusState list
          printer: TestPrinters
          fsCheckMaxTests: int
          fsCheckStartSize: int
          fsCheckEndSize: int option
          allowDuplicateNames: bool
          joinWith: JoinWith }

        static member defaultConfig =
            { runInParallel = true
              parallelWorkers = Environment.ProcessorCount
              failOnFocusedTests = false
              filter = id
              listStates = []
              printer = TestPrinters.defaultPrinter
              fsCheckMaxTests = 100
              fsCheckStartSize = 1
              fsCheckEndSize = None
              allowDuplicateNames = false
              joinWith = Dot }

        member x.appendSummaryHandler handleSummary =
            { x with
                printer.summary =
                    fun config summary ->
                        async {
                            do! x.printer.summary config summary
                            handleSummary summary
                        } }

    /// The frames of the test's own code: those that know their source line.
    let private userFrames (e: exn) =
        match e.StackTrace with
        | null -> ""
        | trace ->
            trace.Split '\n'
            |> Array.filter (fun line -> line.Contains ":line " && not (line.Contains "stand-ins/Expecto"))
            |> Array.truncate 3
            |> Array.map (fun line -> "\n" + line.TrimEnd())
            |> String.concat ""

    let private execute (ct: CancellationToken) config (leaf: FlatTest) =
        async {
            let watch = Stopwatch.StartNew()

            let! result =
                async {
                    match leaf.shouldSkipEvaluation with
                    | Some reason -> return Ignored reason
                    | None ->
                        try
                            match leaf.test with
                            | Sync test -> test ()
                            | SyncWithCancel test -> test ct
                            | Async test -> do! test
                            | AsyncFsCheck(own, _, test) ->
                                let fromRun =
                                    { FsCheckConfig.defaultConfig with
                                        maxTest = config.fsCheckMaxTests
                                        startSize = config.fsCheckStartSize
                                        endSize = defaultArg config.fsCheckEndSize 100 }

                                do! test (defaultArg own fromRun)

                            return Passed
                        with
                        | :? AssertException as e -> return Failed(e.Message + userFrames e)
                        | :? FailedException as e -> return Failed e.Message
                        | :? IgnoreException as e -> return Ignored e.Message
                        | e -> return Error e
                }

            return leaf, TestSummary.single result watch.Elapsed.TotalMilliseconds
        }

    let private report config (leaf: FlatTest, summary: TestSummary) =
        let name = config.joinWith.format leaf.name

        match summary.result with
        | Passed -> config.printer.passed name summary.duration
        | Ignored reason -> config.printer.ignored name reason
        | Failed message -> config.printer.failed name message summary.duration
        | Error e -> config.printer.exn name e summary.duration

    /// Runs all leaves: first those that may run beside others, then group by group those that may not.
    let evalTestsWithCancel (ct: CancellationToken) config test =
        async {
            let run leaf =
                async {
                    let! outcome = execute ct config leaf
                    do! report config outcome
                    return outcome
                }

            let inOrder leaves = leaves |> Seq.map run |> Async.Sequential
            let beside, apart = Test.toTestCodeList test |> List.partition (fun leaf -> leaf.sequenced = InParallel)
            let groups, alone = apart |> List.partition (fun leaf -> leaf.sequenced.IsSynchronousGroup)

            if config.runInParallel then
                let units = (beside |> List.map List.singleton) @ (groups |> List.groupBy _.sequenced |> List.map snd)
                let! concurrent = Async.Parallel(units |> List.map inOrder, config.parallelWorkers)
                let! sequential = inOrder alone
                return Array.append (Array.concat concurrent) sequential |> List.ofArray
            else
                let! sequential = inOrder (beside @ apart)
                return List.ofArray sequential
        }

    /// Runs the tests, prints, and gives the process's exit code.
    let runEvalWithCancel ct config test =
        async {
            do! config.printer.beforeRun test
            let watch = Stopwatch.StartNew()
            let! results = evalTestsWithCancel ct config test
            let summary = { results = results; duration = watch.Elapsed }
            do! config.printer.summary config summary
            return summary.errorCode
        }
