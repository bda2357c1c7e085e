namespace Expecto

open FsCheck

/// Properties as tests.
[<AutoOpen>]
module ExpectoFsCheck =
    let private arguments values = values |> List.map (sprintf "%A") |> String.concat " "
    let private times n = if n = 1 then "1 test" else sprintf "%d tests" n

    let private check retry name property (config: FsCheckConfig) =
        let finish result =
            match result with
            | TestResult.Passed _ -> ()
            | TestResult.Failed(_, _, _, Outcome.Failed(:? IgnoreException as ignored), _, _, _) -> raise ignored
            | TestResult.Failed(data, original, shrunk, outcome, originalSeed, finalSeed, size) ->
                [ sprintf "Failed after %s. Parameters:\n\t%s" (times data.NumberOfTests) (arguments original)
                  if data.NumberOfShrinks > 0 then
                      sprintf "Shrunk %d times to:\n\t%s" data.NumberOfShrinks (arguments shrunk)
                  sprintf "Result:\n\t%A" outcome
                  if not data.Labels.IsEmpty then
                      sprintf "Labels of the property: %s" (String.concat " " data.Labels)
                  sprintf "Original seed: (%A, %A)" originalSeed.Seed originalSeed.Gamma
                  sprintf "Focus on error:\n\t%s (%A, %A, Some %A) \"%s\"" retry finalSeed.Seed finalSeed.Gamma size name ]
                |> String.concat "\n"
                |> FailedException
                |> raise
            | TestResult.Exhausted data ->
                raise (FailedException(sprintf "Exhausted after %s: too few inputs satisfy the condition." (times data.NumberOfTests)))

        let counts result =
            match result with
            | TestResult.Passed(data, _)
            | TestResult.Failed(data, _, _, _, _, _, _)
            | TestResult.Exhausted data ->
                { FsCheckTestData.Labels = data.Labels
                  NumberOfShrinks = data.NumberOfShrinks
                  NumberOfTests = data.NumberOfTests
                  Stamps = data.Stamps }

        let runner =
            { new IRunner with
                member _.OnStartFixture _ = ()
                member _.OnArguments(number, args, _) = config.receivedArgs config name number args |> Async.RunSynchronously
                member _.OnShrink(args, _) = config.successfulShrink config name args |> Async.RunSynchronously

                member _.OnFinished(_, result) =
                    config.finishedTest config name (counts result) |> Async.RunSynchronously
                    finish result }

        let replay =
            config.replay |> Option.map (fun (seed, gamma, size) -> { Rnd = Rnd(seed, gamma); Size = size })

        async {
            Check.One(
                Config.QuickThrowOnFailure
                    .WithName(name)
                    .WithMaxTest(config.maxTest)
                    .WithStartSize(config.startSize)
                    .WithEndSize(config.endSize)
                    .WithReplay(replay)
                    .WithQuietOnSuccess(true)
                    .WithArbitrary(config.arbitrary)
                    .WithRunner(runner),
                property
            )
        }

    let private build retry state config name property =
        TestLabel(name, TestCase(AsyncFsCheck(config, config, check retry name property), state), state)

    /// A function that holds for every generated input: it returns true, unit without an exception, or an FsCheck Property.
    let testProperty name property = build "etestProperty" Normal None name property
    let ptestProperty name property = build "etestProperty" Pending None name property
    let ftestProperty name property = build "etestProperty" Focused None name property

    let testPropertyWithConfig config name property =
        build "etestPropertyWithConfig" Normal (Some config) name property

    let ptestPropertyWithConfig config name property =
        build "etestPropertyWithConfig" Pending (Some config) name property

    let ftestPropertyWithConfig config name property =
        build "etestPropertyWithConfig" Focused (Some config) name property

    /// Repeats a failed property from the seed that it printed, and leaves all other tests out.
    let etestPropertyWithConfig stdGen config name property =
        build "etestPropertyWithConfig" Focused (Some { config with replay = Some stdGen }) name property

    let etestProperty stdGen name property =
        etestPropertyWithConfig stdGen FsCheckConfig.defaultConfig name property
