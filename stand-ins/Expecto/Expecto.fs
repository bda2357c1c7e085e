namespace Expecto

open System
open System.Reflection
open System.Threading
open System.Threading.Tasks

/// How tests are written and run.
[<AutoOpen>]
module Tests =
    open Impl

    let failtest msg = raise (AssertException msg)
    let failtestf fmt = Printf.ksprintf failtest fmt
    let failtestNoStack msg = raise (FailedException msg)
    let failtestNoStackf fmt = Printf.ksprintf failtestNoStack fmt

    /// Ends the test and counts it as ignored, for the reason given.
    let skiptest msg = raise (IgnoreException msg)
    let skiptestf fmt = Printf.ksprintf skiptest fmt

    let private labelled state name code = TestLabel(name, TestCase(code, state), state)
    let private listed state name tests = TestLabel(name, TestList(tests, state), state)
    let private started (test: unit -> Task<unit>) = Async(async { return! test () |> Async.AwaitTask })

    let testList name tests = listed Normal name tests
    let ftestList name tests = listed Focused name tests
    let ptestList name tests = listed Pending name tests
    let testLabel name test = TestLabel(name, test, Normal)

    let testCase name test = labelled Normal name (Sync test)
    let ftestCase name test = labelled Focused name (Sync test)
    let ptestCase name test = labelled Pending name (Sync test)
    let testCaseWithCancel name test = labelled Normal name (SyncWithCancel test)
    let testCaseAsync name test = labelled Normal name (Async test)
    let ftestCaseAsync name test = labelled Focused name (Async test)
    let ptestCaseAsync name test = labelled Pending name (Async test)
    let testCaseTask name test = labelled Normal name (started test)
    let ftestCaseTask name test = labelled Focused name (started test)
    let ptestCaseTask name test = labelled Pending name (started test)

    /// These tests run one after the other, after all that may run in parallel.
    let testSequenced test = Sequenced(Synchronous, test)

    /// These tests do not run beside others of the same group.
    let testSequencedGroup name test = Sequenced(SynchronousGroup name, test)

    let testFixture setup = Seq.map (fun (name, partialTest) -> testCase name (setup partialTest))
    let testParam param = Seq.map (fun (name, partialTest) -> testCase name (partialTest param))

    let private theory state name (cases: 'case seq) test =
        let label (case: 'case) =
            match box case with
            | null -> "null"
            | :? string as text -> sprintf "\"%s\"" text
            | value -> string value

        cases
        |> Seq.map (fun case -> labelled state (label case) (Sync(fun () -> test case |> ignore)))
        |> List.ofSeq
        |> listed state name

    /// One test case per value; a case is named by its value.
    let testTheory name cases test = theory Normal name cases test
    let ftestTheory name cases test = theory Focused name cases test
    let ptestTheory name cases test = theory Pending name cases test

    /// Hands a summary of the run to a function at the end.
    [<ReferenceEquality>]
    type SummaryHandler = SummaryHandler of (TestRunSummary -> unit)

    type CLIArguments =
        | Sequenced
        | Parallel
        | Parallel_Workers of int
        | FsCheck_Max_Tests of int
        | FsCheck_Start_Size of int
        | FsCheck_End_Size of int
        | Fail_On_Focused_Tests
        | Filter of hiera: string
        | Filter_Test_List of substring: string
        | Filter_Test_Case of substring: string
        | Run of tests: string list
        | List_Tests of listStates: FocusState list
        | Summary
        | Allow_Duplicate_Names
        | No_Spinner
        | Printer of TestPrinters
        | Append_Summary_Handler of SummaryHandler
        | JoinWith of split: string

    let private flags =
        [ "--sequenced", "Don't run the tests in parallel.", Sequenced
          "--parallel", "Run all tests in parallel (default).", Parallel
          "--fail-on-focused-tests", "Fail when focused tests exist.", Fail_On_Focused_Tests
          "--summary", "Print the names of all tests by result at the end.", Summary
          "--allow-duplicate-names", "Allow duplicate test names.", Allow_Duplicate_Names
          "--no-spinner", "Accepted; there is no spinner.", No_Spinner ]

    let private numbers =
        [ "--parallel-workers", "Number of parallel workers (default: logical processors).", Parallel_Workers
          "--fscheck-max-tests", "Generated inputs per property (default: 100).", FsCheck_Max_Tests
          "--fscheck-start-size", "Size of the first input (default: 1).", FsCheck_Start_Size
          "--fscheck-end-size", "Size of the last input (default: 100).", FsCheck_End_Size ]

    let private texts =
        [ "--filter", "Only tests whose full name starts with this.", Filter
          "--filter-test-list", "Only tests in a list whose name contains this.", Filter_Test_List
          "--filter-test-case", "Only test cases whose name contains this.", Filter_Test_Case
          "--join-with", "What joins the parts of a full name: . (default) or /.", JoinWith ]

    let private usage =
        [ for name, help, _ in flags do yield name, help
          for name, help, _ in numbers do yield name + " N", help
          for name, help, _ in texts do yield name + " TEXT", help
          yield "--run NAME ...", "Only the tests with these full names."
          yield "--list-tests [N|F|P ...]", "Print the names of the tests (in these states) and run none." ]
        |> List.map (fun (name, help) -> sprintf "  %-28s %s" name help)
        |> String.concat "\n"

    let private tryNamed name table =
        table |> List.tryPick (fun (candidate, _: string, case) -> if candidate = name then Some case else None)

    let private focusState =
        function
        | "N" -> Some Normal
        | "F" -> Some Focused
        | "P" -> Some Pending
        | _ -> None

    let rec private parse (args: string list) : Result<CLIArguments list, string> =
        let before (case: CLIArguments) rest = parse rest |> Result.map (fun parsed -> case :: parsed)

        match args with
        | [] -> Ok []
        | "--run" :: rest ->
            let values = rest |> List.takeWhile (fun arg -> not (arg.StartsWith "--"))
            before (Run values) (List.skip values.Length rest)
        | "--list-tests" :: rest ->
            let states = rest |> List.takeWhile (focusState >> Option.isSome)
            before (List_Tests(List.choose focusState states)) (List.skip states.Length rest)
        | name :: rest ->
            match tryNamed name flags, tryNamed name numbers, tryNamed name texts, rest with
            | Some case, _, _, _ -> before case rest
            | _, Some case, _, value :: rest ->
                match Int32.TryParse value with
                | true, number -> before (case number) rest
                | _ -> Result.Error(sprintf "%s takes a number, not '%s'" name value)
            | _, _, Some case, value :: rest -> before (case value) rest
            | None, None, None, _ -> Result.Error(sprintf "unknown argument '%s'" name)
            | _ -> Result.Error(sprintf "%s needs a value" name)

    let private apply config argument =
        let filtered pred = { config with filter = Test.filter config.joinWith.asString pred }
        let lists name = name |> List.take (max 0 (List.length name - 1))
        let case name = name |> List.tryLast |> Option.defaultValue ""

        match argument with
        | Sequenced -> { config with runInParallel = false }
        | Parallel -> { config with runInParallel = true }
        | Parallel_Workers n -> { config with parallelWorkers = n }
        | FsCheck_Max_Tests n -> { config with fsCheckMaxTests = n }
        | FsCheck_Start_Size n -> { config with fsCheckStartSize = n }
        | FsCheck_End_Size n -> { config with fsCheckEndSize = Some n }
        | Fail_On_Focused_Tests -> { config with failOnFocusedTests = true }
        | Filter prefix -> filtered (fun name -> (config.joinWith.format name).StartsWith(prefix, StringComparison.Ordinal))
        | Filter_Test_List text -> filtered (lists >> List.exists (fun name -> name.Contains text))
        | Filter_Test_Case text -> filtered (fun name -> (case name).Contains text)
        | Run names -> filtered (fun name -> List.contains (config.joinWith.format name) names)
        | List_Tests states -> { config with listStates = states }
        | Summary -> { config with printer = TestPrinters.summaryPrinter config.printer }
        | Allow_Duplicate_Names -> { config with allowDuplicateNames = true }
        | No_Spinner -> config
        | Printer printer -> { config with printer = printer }
        | Append_Summary_Handler(SummaryHandler handle) -> config.appendSummaryHandler handle
        | JoinWith split -> { config with joinWith = (if split = "/" then Slash else Dot) }

    /// Prints the full names of the tests.
    let listTests config test =
        for leaf in Test.toTestCodeList test do
            if config.listStates.IsEmpty || List.contains leaf.state config.listStates then
                Console.WriteLine(config.joinWith.format leaf.name)

    /// The full names that more than one test has.
    let duplicatedNames (join: JoinWith) test =
        Test.toTestCodeList test
        |> List.countBy (fun leaf -> join.format leaf.name)
        |> List.choose (fun (name, count) -> if count > 1 then Some name else None)

    let private fail (message: string) =
        Console.Error.WriteLine message
        1

    /// Runs the tests as the arguments say; 0 when all passed.
    let runTestsWithCLIArgsAndCancel (ct: CancellationToken) (cliArgs: CLIArguments seq) (args: string array) tests =
        match parse (List.ofArray args) with
        | _ when Array.contains "--help" args ->
            Console.WriteLine usage
            0
        | Result.Error message -> fail (sprintf "%s\n%s" message usage)
        | Ok parsed ->
            let config = Seq.append cliArgs parsed |> Seq.fold apply ExpectoConfig.defaultConfig

            if parsed |> List.exists _.IsList_Tests then
                listTests config (config.filter tests)
                0
            elif config.failOnFocusedTests && Test.isFocused tests then
                fail "There are focused tests, and --fail-on-focused-tests was given."
            else
                let chosen = config.filter tests

                match duplicatedNames config.joinWith chosen with
                | names when names.IsEmpty || config.allowDuplicateNames ->
                    runEvalWithCancel ct config chosen |> Async.RunSynchronously
                | names -> fail (sprintf "Test names have to be unique; these are not:\n%s" (String.concat "\n" names))

    let runTestsWithCLIArgs cliArgs args tests = runTestsWithCLIArgsAndCancel CancellationToken.None cliArgs args tests

    /// All values of the assembly marked with Tests, PTests or FTests.
    let testFromAssembly (assembly: Assembly) =
        let state (m: MemberInfo) =
            let has attribute = m.IsDefined(attribute, false)

            if has typeof<FTestsAttribute> then Some Focused
            elif has typeof<TestsAttribute> then Some Normal
            elif has typeof<PTestsAttribute> then Some Pending
            else None

        let value (m: MemberInfo) =
            match m with
            | :? PropertyInfo as property when property.PropertyType = typeof<Test> -> Some(property.GetValue null)
            | :? FieldInfo as field when field.FieldType = typeof<Test> -> Some(field.GetValue null)
            | :? MethodInfo as f when f.ReturnType = typeof<Test> && f.GetParameters().Length = 0 -> Some(f.Invoke(null, [||]))
            | _ -> None

        [ for t in assembly.GetTypes() do
              for m in t.GetMembers(BindingFlags.Public ||| BindingFlags.Static) do
                  match state m with
                  | Some state ->
                      try
                          match value m with
                          | Some test -> TestList([ unbox<Test> test ], state)
                          | None -> ()
                      // A suite that cannot even be built fails on its own and leaves the others running.
                      with :? TargetInvocationException as e ->
                          testCase (string t.FullName) (fun () -> raise (e.GetBaseException()))
                  | None -> () ]
        |> function
            | [] -> None
            | found -> Some(TestList(found, Normal))

    let runTestsInAssemblyWithCLIArgsAndCancel ct cliArgs args =
        Assembly.GetEntryAssembly()
        |> Option.ofObj
        |> Option.bind testFromAssembly
        |> Option.defaultValue (TestList([], Normal))
        |> runTestsWithCLIArgsAndCancel ct cliArgs args

    let runTestsInAssemblyWithCLIArgs cliArgs args = runTestsInAssemblyWithCLIArgsAndCancel CancellationToken.None cliArgs args
