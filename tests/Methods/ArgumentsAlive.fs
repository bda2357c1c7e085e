/// TorchSharp's arguments live until its native calls return: what KeepArguments.cs is for.
module Reproduction.Tests.ArgumentsAlive

open System
open System.Diagnostics
open System.Reflection
open System.Threading
open Expecto
open TorchSharp

[<Tests>]
let tests =
    testSequenced
    <| testList "arguments alive" [
        testCase "TorchSharp is compiled without optimisation"
        <| fun () ->
            let attribute = typeof<torch.Tensor>.Assembly.GetCustomAttribute<DebuggableAttribute>()
            Expect.isTrue (nonNull attribute).IsJITOptimizerDisabled "as the build marks it"

        testCase "collections in the middle of calls change no number"
        <| fun () ->
            // Without the mark, some 70 of 300,000 additions end in "Unknown scalar type".
            use stop = new CancellationTokenSource()

            let collect () =
                while not stop.IsCancellationRequested do
                    GC.Collect 0

            let collector = Thread(collect, IsBackground = true)
            collector.Start()

            try
                let since = Stopwatch.StartNew()

                while since.Elapsed < TimeSpan.FromSeconds 10.0 do
                    use _scope = torch.NewDisposeScope()
                    let zero = torch.zeros 4L

                    for i in 0..199 do
                        use sum: torch.Tensor = zero + (float i + 0.5)
                        Expect.equal (sum.data<float32>()[0L]) (float32 i + 0.5f) "a sum"
            finally
                stop.Cancel()
                collector.Join()
    ]
