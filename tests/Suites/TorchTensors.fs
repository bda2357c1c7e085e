/// Lifetime, errors, threads and memory of tensors and modules.
module Reproduction.Tests.TorchTensors

open System
open System.IO
open System.Runtime.InteropServices
open System.Threading
open Expecto
open FsCheck
open TorchSharp
open TorchSharp.Modules

type private Tensor = torch.Tensor
type private Index = torch.TensorIndex

let private message<'error when 'error :> exn> (action: unit -> unit) =
    try
        action ()
        failtest "nothing was thrown"
    with :? 'error as error ->
        error.Message

let private floats (tensor: Tensor) = tensor.data<float32>().ToArray()

let private live () = DisposeScopeManager.Statistics.ThreadTotalLiveCount

/// A thread of its own: the counts of tensors and the grad mode are per thread.
let private onThread (work: unit -> unit) =
    let mutable failure: exn option = None

    let thread =
        Thread(fun () ->
            try
                work ()
            with error ->
                failure <- Some error)

    thread.Start()
    thread.Join()
    failure |> Option.iter raise

let private errors =
    [ testCase "a shape mismatch is libtorch's message"
      <| fun () ->
          use _scope = torch.NewDisposeScope()
          let a, b = torch.zeros(2L, 3L), torch.zeros(2L, 3L)
          Expect.equal (message<ExternalException> (fun () -> a.matmul b |> ignore)) "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)" "message"
      testCase "a wrong element type is libtorch's message"
      <| fun () ->
          use _scope = torch.NewDisposeScope()
          let a, b = torch.zeros([| 2L; 2L |], torch.float32), torch.zeros([| 2L; 2L |], torch.float64)
          // libtorch 1.13 says "expected scalar type Float but found Double", 2.x "expected m1 and m2 to have the same dtype".
          Expect.stringStarts (message<ExternalException> (fun () -> a.matmul b |> ignore)) "expected " "message"
      testCase "too much memory is an error"
      <| fun () ->
          let text = message<ExternalException> (fun () -> torch.zeros([| 1L <<< 50 |]) |> ignore)
          Expect.stringContains text "allocate memory" "message"
      testCase "a matrix that is not positive definite is an error"
      <| fun () ->
          use _scope = torch.NewDisposeScope()
          let matrix = -torch.eye(3L)
          Expect.stringContains (message<ExternalException> (fun () -> torch.linalg.cholesky matrix |> ignore)) "not positive-definite" "message"
      testCase "use after dispose"
      <| fun () ->
          let tensor = torch.ones(3L)
          tensor.Dispose()
          tensor.Dispose()
          Expect.isTrue tensor.IsInvalid "it says that it is disposed"
          Expect.throwsT<ObjectDisposedException> (fun () -> tensor.sum() |> ignore) "as the object of a call"
          Expect.throwsT<ObjectDisposedException> (fun () -> tensor.shape |> ignore) "its metadata"
          use other = torch.ones(3L)
          Expect.throwsT<ObjectDisposedException> (fun () -> other.add tensor |> ignore) "as an argument"
          Expect.throwsT<ObjectDisposedException> (fun () -> torch.stack([ other; tensor ]) |> ignore) "in a list"
      testCase "elements of another type"
      <| fun () ->
          use tensor = torch.ones(3L)
          Expect.throwsT<ArgumentException> (fun () -> tensor.data<float>() |> ignore) "float32 is not float64"
      testCase "a tensor in inference mode has no gradient"
      <| fun () ->
          use _scope = torch.NewDisposeScope()
          let x = torch.ones([| 2L |], requires_grad = true)
          let y = (use _mode = torch.inference_mode () in x.mul x)
          Expect.isFalse y.requires_grad "nothing was recorded"
          Expect.isFalse (torch.is_inference_mode_enabled ()) "the mode ended"
          Expect.throwsT<ExternalException> (fun () -> y.sum().backward()) "and cannot be recovered" ]

let private scopes =
    [ testCase "a scope disposes what was made in it"
      <| fun () ->
          onThread (fun () ->
              let inner, kept =
                  use scope = torch.NewDisposeScope()
                  let inner = torch.ones(3L)
                  inner, scope.Detach(inner.add inner)

              Expect.isTrue inner.IsInvalid "made in it"
              Expect.isFalse kept.IsInvalid "detached"
              Expect.equal (live ()) 1L "live tensors"
              kept.Dispose()
              Expect.equal (live ()) 0L "live tensors")
      testCase "a tensor moves to the outer scope"
      <| fun () ->
          onThread (fun () ->
              use outer = torch.NewDisposeScope()

              let moved =
                  use inner = torch.NewDisposeScope()
                  inner.MoveToOuter(torch.ones 3L)

              Expect.isTrue (outer.Contains moved) "the outer scope owns it"
              let other = torch.NewDisposeScope()
              other.Attach(moved: IDisposable)
              other.Dispose()
              Expect.isTrue moved.IsInvalid "the scope that it was attached to disposed it")
      testCase "10,000 scopes leave resident memory flat"
      <| fun () ->
          onThread (fun () ->
              let round () =
                  use _scope = torch.NewDisposeScope()
                  let x = torch.randn([| 16L; 1024L |], requires_grad = true)
                  (x.mul x).sum().backward()

              let resident () =
                  use self = Diagnostics.Process.GetCurrentProcess()
                  self.WorkingSet64

              for _ in 1..500 do
                  round ()

              let before = resident ()

              for _ in 1..10_000 do
                  round ()

              // A leak of one tensor of 64 KB a round would be 650 MB.
              Expect.isLessThan (resident () - before) 100_000_000L "growth in bytes"
              Expect.equal (live ()) 0L "live tensors")
      testCase "no tensor is left after a model is fitted, scored and disposed"
      <| fun () ->
          onThread (fun () ->
              let work () =
                  use _scope = torch.NewDisposeScope()
                  use network = torch.nn.Sequential(torch.nn.Conv2d(3L, 4L, 3L), torch.nn.BatchNorm2d 4L, torch.nn.ReLU(), torch.nn.Conv2d(4L, 3L, 3L))
                  use optimizer = torch.optim.Adam(network.parameters())

                  for _ in 1..3 do
                      use _scope = torch.NewDisposeScope()
                      optimizer.zero_grad()
                      network.call(torch.randn(2L, 3L, 8L, 8L)).square().mean().backward()
                      optimizer.step() |> ignore

                  network.eval()
                  use _mode = torch.inference_mode()
                  network.call(torch.randn(1L, 3L, 8L, 8L)).amax([| 1L |]).ToString() |> ignore

              work ()
              Expect.equal (live ()) 0L "live tensors")
      testCase "threads work on their own tensors"
      <| fun () ->
          let agree =
              Array.Parallel.init 4 (fun seed ->
                  use _scope = torch.NewDisposeScope()
                  use generator = new torch.Generator(uint64 seed)
                  let x = torch.randn([| 32L; 32L |], torch.float64, requires_grad = true, generator = generator)

                  for _ in 1..50 do
                      use _scope = torch.NewDisposeScope()
                      (x.matmul x).sum().backward()

                      if seed % 2 = 0 then
                          Expect.throwsT<ExternalException> (fun () -> x.matmul(torch.zeros([| 3L; 3L |], torch.float64)) |> ignore) "an error of its own"

                  let expected = x.sum(1L).unsqueeze(0L) + x.sum(0L).unsqueeze(1L)
                  (nonNull x.grad).allclose(50.0 * expected))

          Expect.all agree id "every thread has its own gradient" ]

let private elements =
    [ testProperty "arrays survive a round trip" (fun (values: float32[]) ->
          use tensor = torch.tensor values
          use back = tensor.alias ()
          Expect.sequenceEqual (floats back |> Array.map BitConverter.SingleToInt32Bits) (values |> Array.map BitConverter.SingleToInt32Bits) "bits")
      testProperty "a transposed tensor is read in its own order" (fun (PositiveInt a) (PositiveInt b) ->
          let rows, columns = a % 7 + 1, b % 7 + 1
          use _scope = torch.NewDisposeScope()
          let tensor = torch.arange(Scalar.op_Implicit (rows * columns)).reshape(int64 rows, int64 columns).t()
          let expected = [| for j in 0 .. columns - 1 do for i in 0 .. rows - 1 -> int64 (i * columns + j) |]
          Expect.sequenceEqual (tensor.data<int64>().ToArray()) expected "row-major order of the transpose"
          Expect.equal (tensor.data<int64>()[int64 (columns - 1), 0L]) (int64 (columns - 1)) "by position")
      testCase "indices"
      <| fun () ->
          use _scope = torch.NewDisposeScope()
          let x = torch.arange(Scalar.op_Implicit 24.0f).reshape(2L, 3L, 4L)
          Expect.sequenceEqual (floats x[1L, 2L]) [| 20.0f; 21.0f; 22.0f; 23.0f |] "numbers"
          Expect.sequenceEqual (floats (x.index(Index.Ellipsis, Index.Single(Nullable -1L)))) [| 3.0f; 7.0f; 11.0f; 15.0f; 19.0f; 23.0f |] "ellipsis"
          Expect.sequenceEqual (floats (x.index(Index.Single(Nullable 0L), Index.Slice(1L), Index.Slice(0L, 4L, 3L)))) [| 4.0f; 7.0f; 8.0f; 11.0f |] "slices"
          Expect.sequenceEqual (x.index(Index.Colon, Index.None).shape) [| 2L; 1L; 3L; 4L |] "a new dimension"
          Expect.sequenceEqual (floats (x.index(x.gt(Scalar.op_Implicit 21.0f: Scalar)))) [| 22.0f; 23.0f |] "a mask"
          x[x.lt(Scalar.op_Implicit 22.0f: Scalar)] <- torch.tensor 0.0f
          Expect.equal (x.sum().ToSingle()) 45.0f "assignment by a mask"
          x[0L, 1L] <- torch.tensor [| 1.0f; 2.0f; 3.0f; 4.0f |]
          Expect.equal (x.sum().ToSingle()) 55.0f "assignment by numbers"
      testCase "a buffer is shared, an array is copied"
      <| fun () ->
          let buffer = [| 1.0f; 2.0f; 3.0f |]
          use shared = torch.frombuffer(buffer, torch.float32)
          use copied = torch.tensor buffer
          buffer[0] <- 9.0f
          Expect.equal (shared.ReadCpuSingle 0L) 9.0f "shared"
          Expect.equal (copied.ReadCpuSingle 0L) 1.0f "copied"
          Expect.throwsT<ArgumentException> (fun () -> torch.frombuffer(buffer, torch.float32, 2L, 8L) |> ignore) "beyond its end"
      testCase "a generator repeats itself"
      <| fun () ->
          use _scope = torch.NewDisposeScope()
          use generator = new torch.Generator 5UL
          let state = generator.get_state()
          let first = floats (torch.randn([| 20L |], generator = generator))
          generator.set_state state
          Expect.sequenceEqual (floats (torch.randn([| 20L |], generator = generator))) first "from its state"
          generator.manual_seed 5L |> ignore
          Expect.sequenceEqual (floats (torch.randn([| 20L |], generator = generator))) first "from its seed" ]

type private Block(channels: int64) as this =
    inherit torch.nn.Module<Tensor, Tensor>("Block")
    let conv = torch.nn.Conv2d(channels, channels, 3L, padding = 1L)
    let norm = torch.nn.BatchNorm2d channels
    let scale = torch.nn.Parameter(torch.ones 1L)
    do this.RegisterComponents()
    override _.forward x = norm.call(conv.call x) * scale

let private modules =
    [ testCase "a state dict survives a round trip"
      <| fun () ->
          use _scope = torch.NewDisposeScope()
          use source = new Block 2L
          use target = new Block 2L
          source.call(torch.randn(1L, 2L, 4L, 4L)) |> ignore
          let state = source.state_dict()

          Expect.containsAll
              state.Keys
              [ "conv.weight"; "conv.bias"; "norm.weight"; "norm.bias"; "norm.running_mean"; "norm.running_var"; "norm.num_batches_tracked"; "scale" ]
              "names"

          target.load_state_dict state |> ignore

          for name, tensor in target.state_dict() |> Seq.map (fun entry -> entry.Key, entry.Value) do
              Expect.isTrue (tensor.Equals state[name]) name

          let path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName())

          try
              source.save path |> ignore
              use third = new Block 2L
              third.load path |> ignore
              Expect.isTrue (third.state_dict().["conv.weight"].Equals state["conv.weight"]) "through a file"
              use other = new Block 3L
              Expect.throwsT<ArgumentException> (fun () -> other.load path |> ignore) "another shape"
          finally
              File.Delete path
      testCase "a state dict that does not fit is named"
      <| fun () ->
          use _scope = torch.NewDisposeScope()
          use block = new Block 2L
          let state = block.state_dict()
          state.Remove "conv.bias" |> ignore
          state["extra"] <- torch.ones 1L
          let text = message<InvalidOperationException> (fun () -> block.load_state_dict state |> ignore)
          Expect.stringContains text "conv.bias" "what is missing"
          Expect.stringContains text "extra" "what is too much"
          let struct (missing, unexpected) = block.load_state_dict(state, strict = false)
          Expect.sequenceEqual missing [ "conv.bias" ] "missing"
          Expect.sequenceEqual unexpected [ "extra" ] "unexpected"
          block.load_state_dict(state, true, [| "conv.bias"; "extra" |]) |> ignore
      testCase "a converted module goes on with its optimiser"
      <| fun () ->
          use _scope = torch.NewDisposeScope()
          use block = new Block 2L
          use optimizer = torch.optim.SGD(block.parameters(), 0.1)
          block.``double``() |> ignore
          let before = block.state_dict().["conv.weight"].detach().clone()
          block.call(torch.randn([| 1L; 2L; 4L; 4L |], torch.float64)).square().sum().backward()
          optimizer.step() |> ignore
          Expect.isFalse (before.Equals(block.state_dict().["conv.weight"])) "the weights changed"
          Expect.equal (block.state_dict().["norm.num_batches_tracked"].dtype) torch.int64 "integers stay integers"
      testCase "gradients are clipped to a norm"
      <| fun () ->
          use _scope = torch.NewDisposeScope()
          use layer = torch.nn.Linear(3L, 2L)
          layer.call(torch.ones(4L, 3L)).sum().backward()
          let norm () = layer.parameters() |> Seq.sumBy (fun p -> (nonNull p.grad).square().sum().ToDouble()) |> sqrt
          let before = norm ()
          Expect.floatClose Accuracy.medium (torch.nn.utils.clip_grad_norm_(layer.parameters(), 0.5)) before "the norm before"
          Expect.floatClose Accuracy.low (norm ()) 0.5 "the norm after" ]

[<Tests>]
let tests =
    testSequenced
    <| testList
        "torch"
        [ testList "errors" errors
          testList "scopes" scopes
          testList "elements" elements
          testList "modules" modules ]
