/// The stand-in of Expecto against what the real one does: a runner that cannot fail would make every other suite worthless.
module Reproduction.Tests.ExpectoRunner

open System
open Expecto
open Expecto.Impl

/// The outcome of every leaf, by full name, with the exit code.
let private outcomes arguments tests =
    let mutable summary = None
    let handler = Append_Summary_Handler(SummaryHandler(fun result -> summary <- Some result))
    let exitCode = runTestsWithCLIArgs [ Printer TestPrinters.silent; handler ] arguments tests

    let results =
        match summary with
        | Some(summary: TestRunSummary) -> [ for test, outcome in summary.results -> test.fullName ".", outcome.result ]
        | None -> []

    exitCode, Map.ofList results

let private message name (results: Map<string, TestResult>) =
    match results[name] with
    | Failed text
    | Ignored text -> text
    | Error e -> e.Message
    | Passed -> ""

let private nothing () = ()

[<Tests>]
let tests =
    testList
        "expecto"
        [ testCase "a run is the sum of its outcomes"
          <| fun () ->
              let exitCode, results =
                  outcomes [||]
                  <| testList
                      "a"
                      [ testCase "passes" nothing
                        testCase "fails" (fun () -> Expect.equal 1 2 "numbers")
                        testCase "throws" (fun () -> invalidOp "broken")
                        testCase "skips" (fun () -> skiptest "no data")
                        ptestCase "pending" nothing
                        testCaseAsync "async" (async { Expect.isTrue false "async body" }) ]

              Expect.equal exitCode 3 "failed and errored"
              Expect.isTrue results["a.passes"].isPassed "passes"
              Expect.stringContains (message "a.fails" results) "numbers" "message of the expectation"
              Expect.isTrue results["a.throws"].isException "an exception is an error"
              Expect.equal (message "a.skips" results) "no data" "the reason is kept"
              Expect.isTrue results["a.pending"].isIgnored "pending"
              Expect.isTrue results["a.async"].isFailed "async"

          testCase "a focused test leaves the others out"
          <| fun () ->
              let _, results = outcomes [||] (testList "a" [ ftestCase "one" nothing; testCase "two" nothing ])
              Expect.isTrue results["a.one"].isPassed "focused"
              Expect.isTrue results["a.two"].isIgnored "unfocused"

          testCase "--fail-on-focused-tests runs nothing"
          <| fun () ->
              let exitCode, results = outcomes [| "--fail-on-focused-tests" |] (testList "a" [ ftestCase "one" nothing ])
              Expect.equal exitCode 1 "exit code"
              Expect.isTrue results.IsEmpty "nothing ran"

          testCase "--filter takes a prefix of the full name"
          <| fun () ->
              let tree = testList "a" [ testList "b" [ testCase "one" nothing ]; testList "c" [ testCase "two" nothing ] ]
              let _, results = outcomes [| "--filter"; "a.b" |] tree
              Expect.equal (List.ofSeq results.Keys) [ "a.b.one" ] "chosen"

          testCase "two tests of one name are refused"
          <| fun () ->
              let exitCode, results = outcomes [||] (testList "a" [ testCase "one" nothing; testCase "one" nothing ])
              Expect.equal exitCode 1 "exit code"
              Expect.isTrue results.IsEmpty "nothing ran"

          testCase "an unknown argument is refused"
          <| fun () -> Expect.equal (outcomes [| "--fliter"; "x" |] (testList "a" [ testCase "one" nothing ]) |> fst) 1 "exit code"

          testCase "sequenced tests never overlap"
          <| fun () ->
              let mutable running = 0
              let mutable most = 0

              let body () =
                  most <- max most (Threading.Interlocked.Increment &running)
                  Threading.Thread.Sleep 5
                  Threading.Interlocked.Decrement &running |> ignore

              let _, results = outcomes [||] (testSequenced (testList "a" [ for i in 1..8 -> testCase $"{i}" body ]))
              Expect.equal results.Count 8 "all ran"
              Expect.equal most 1 "at the same time"

          testCase "a failing property shows its shrunk counterexample and can be replayed"
          <| fun () ->
              let property (n: int) = n < 7
              // A fixed seed: by chance the first counterexample could already be the smallest.
              let config = { FsCheckConfig.defaultConfig with replay = Some(42UL, 3UL, Some 80) }
              let _, results = outcomes [||] (testPropertyWithConfig config "small" property)
              let text = message "small" results
              Expect.isMatch text @"Shrunk \d+ times to:\s+7\b" "the smallest counterexample"
              let seed = Text.RegularExpressions.Regex.Match(text, @"\((\d+)UL, (\d+)UL, Some (\d+)\)")
              Expect.isTrue seed.Success "the seed is printed"
              let replay = uint64 seed.Groups[1].Value, uint64 seed.Groups[2].Value, Some(int seed.Groups[3].Value)
              let _, again = outcomes [||] (etestProperty replay "small" property)
              Expect.stringContains (message "small" again) "Failed after 1 test" "replayed"

          testCase "a property that never meets its condition is a failure"
          <| fun () ->
              let never = FsCheck.FSharp.Prop.forAll (FsCheck.FSharp.ArbMap.defaults |> FsCheck.FSharp.ArbMap.arbitrary<int>)
              let property = never (fun n -> FsCheck.FSharp.Prop.filter false (n = n))
              let _, results = outcomes [||] (testProperty "never" property)
              Expect.stringContains (message "never" results) "Exhausted" "exhausted"

          testTheory "closeness is symmetric in its two numbers" [ 0.0; 1e-9; 1.0; 1e9 ]
          <| fun size ->
              let near = size * (1.0 + 1e-6)
              Expect.equal (Accuracy.areClose Accuracy.low size near) (Accuracy.areClose Accuracy.low near size) "symmetric"

          testCase "closeness refuses NaN"
          <| fun () ->
              Expect.throwsT<AssertException> (fun () -> Expect.floatClose Accuracy.low nan 1.0 "") "actual"
              Expect.throwsT<AssertException> (fun () -> Expect.floatClose Accuracy.low 1.0 nan "") "expected"

          testProperty "sequenceEqual is equality of lists"
          <| fun (a: int list) (b: int list) ->
              let holds =
                  try
                      Expect.sequenceEqual a b ""
                      true
                  with :? AssertException ->
                      false

              holds = (a = b) ]
