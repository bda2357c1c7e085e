/// Models, checkpoints and weights whose tensors are not what their settings need: each is refused with one sentence that names file and
/// tensor.
module Reproduction.Tests.ModelsTampered

open System
open System.Collections.Generic
open System.IO
open System.Text.RegularExpressions
open Expecto
open TorchSharp
open Reproduction
open Reproduction.Backbones
open Reproduction.Formats
open Reproduction.Methods
open Reproduction.Models
open Reproduction.Papers
open Reproduction.Tests.SavedModels

/// A variant for each kind of state that is saved.
let private variants = [
    "gaussian", "resnet18-mahalanobis+image_size=32"
    "gaussian", "resnet18-sed+image_size=32"
    "gaussian", "resnet18-ocsvm+image_size=32"
    "hfae", "resnet18+batch_size=3"
    "dfr", "resnet18+image_size=64"
    "favae", "vanilla+width=0.0625+images_per_epoch=8+batch_size=4"
    "favae", "unfrozen-resnet18+width=0.0625+images_per_epoch=4+batch_size=4"
    "ssae", "ensemble+width=0.0625+steps=2+batch_size=2+correction=1"
]

let private refusal work =
    try
        work ()
        failtest "it was taken"
    with :? UserError as mistake ->
        mistake.Message

/// What is done to a tensor, and what the refusal says of it.
let private changes: (string * (torch.Tensor -> torch.Tensor option) * string) list =
    let ofType types change (tensor: torch.Tensor) = if List.contains tensor.dtype types then Some(change tensor) else None
    let real = [ torch.ScalarType.Float32; torch.ScalarType.Float64 ]

    [ // copy_ would spread it over the right shape without a word.
        "one where several are needed",
        (fun tensor ->
            if tensor.numel () > 1L then
                Some(tensor.flatten().narrow(0L, 0L, 1L).reshape(Array.create (int (tensor.dim ())) 1L))
            else
                None),
        " of shape ["
        "without a dimension",
        (fun tensor -> if tensor.dim () > 0L then Some(tensor.sum (0L, false, tensor.dtype)) else None),
        " of shape ["
        "with one dimension more", (fun tensor -> Some(tensor.unsqueeze 0L)), " of shape ["
        "twice as long", (fun tensor -> if tensor.dim () > 0L then Some(torch.cat [| tensor; tensor |]) else None), " of shape ["
        "in half precision", ofType real (fun tensor -> tensor.``to`` torch.ScalarType.Float16), " of type Float16"
        "of NaN", ofType real (fun tensor -> tensor * nanf.ToScalar()), "holds NaN or an infinity"
        "of infinities", ofType real (fun tensor -> torch.full_like (tensor, infinity.ToScalar())), "holds NaN or an infinity"
    ]

let private withModel (paper, variant: string) test =
    let folder = Directory.CreateTempSubdirectory("reproduction-tampered-").FullName

    try
        use _scope = torch.NewDisposeScope()

        writeWeights folder "resnet18"

        let resources = resources folder
        use _backbones = resources.Backbones
        let method = Registry.Find paper
        let configuration = method.Configure(variant, Profile.Smoke, "bottle", "test")
        torch.manual_seed 3L |> ignore
        use detector = configuration.Create resources
        detector.Fit(images, FitContext(Seed = 3)) |> ignore
        let file = Path.Combine(folder, "whole.model")
        ModelFile(paper, (variant.Split '+')[0], configuration.ToJson(), [], 0.5, Nullable 0.5, "none", 6).Write(file, detector.Save())
        let struct (tensors, metadata) = SafeTensors.Read file
        let tampered = Path.Combine(folder, "tampered.model")

        test tensors metadata (fun tensors metadata ->
            SafeTensors.Write(tampered, tensors, metadata)
            let struct (_, detector) = ModelFile.Read(tampered, resources)
            detector.Dispose())
    finally
        Directory.Delete(folder, true)

let private replaced (name: string) (value: 'a option) (all: IReadOnlyDictionary<string, 'a>) =
    let copy = Dictionary<string, 'a>(all)
    copy.Remove name |> ignore
    Option.iter (fun value -> copy[name] <- value) value
    copy :> IReadOnlyDictionary<string, 'a>

/// One tensor for each way in which its name and rank are written: layers that differ by a number alone are read alike.
let private kinds (tensors: IReadOnlyDictionary<string, torch.Tensor>) =
    [ for KeyValue(name, tensor) in tensors -> name, tensor ]
    |> List.distinctBy (fun (name, tensor) -> Regex.Replace(name, @"\d+", "N"), tensor.dim ())

let private tamper variant () =
    withModel variant (fun tensors metadata read ->
        read tensors metadata
        // A model with a whole network in it takes a second to write and read.
        let tried = if (snd variant).StartsWith "unfrozen" then List.take 1 changes else changes

        for name, tensor in kinds tensors do
            let expect words work =
                let told = refusal work

                for word in [ "tampered.model"; name; words; "fit the model again" ] do
                    Expect.stringContains told word $"{name}: the message"

                Expect.isFalse (told.Contains '\n') $"one line: {told}"

            for change, apply, words in tried do
                use _scope = torch.NewDisposeScope()

                match apply tensor with
                | Some _ when change = "twice as long" && name.EndsWith "support_vectors" -> () // more vectors than coefficients
                | Some changed -> expect words (fun () -> read (replaced name (Some changed) tensors) metadata)
                | None -> ()

            expect "lacks" (fun () -> read (replaced name None tensors) metadata)

        Expect.stringContains
            (refusal (fun () -> read (replaced "stranger" (Some(torch.zeros 2L)) tensors) metadata))
            "holds stranger [2]"
            "a tensor too many"

        for KeyValue(name, _) in metadata do
            if name.StartsWith("state.", StringComparison.Ordinal) then
                for value in [ None; Some "many"; Some "" ] do
                    if not (name = "state.points" && value = Some "") then // no thresholds at all are none
                        let told = refusal (fun () -> read tensors (replaced name value metadata))
                        Expect.stringContains told "tampered.model" $"{name}: the file"

        if fst variant = "dfr" then
            let told = refusal (fun () -> read tensors (replaced "state.latent" (Some "1000000000000") metadata))
            Expect.stringContains told "no layer of that width" "a width that would take all memory")

let private badSettings () =
    withModel ("ssae", "objective1+width=0.0625+steps=2+batch_size=2") (fun tensors metadata read ->
        for before, after, words in
            [
                "\"image_size\": 64", "\"image_size\": 63", "image_size is 63"
                "\"image_size\": 64", "\"image_size\": -8", "image_size is -8"
                "\"width\": 0.0625", "\"width\": 1e9", "width is"
                "\"growing\": [", "\"growing\": null, \"old\": [", "is not a model"
            ] do
            let json = metadata["reproduction.model"]
            Expect.stringContains json before "the model's description"
            let told = refusal (fun () -> read tensors (replaced "reproduction.model" (Some(json.Replace(before, after))) metadata))

            for word in [ "tampered.model is not a model of 'repro fit'"; words ] do
                Expect.stringContains told word "the message")

/// One checkpoint, kept in memory.
type private Kept() =
    member val State: DetectorState | null = null with get, set

    interface ICheckpoints with
        member _.Due = true
        member this.Load() = this.State

        member this.Save state =
            let copy =
                readOnlyDict [ for KeyValue(name, tensor) in state.Tensors -> name, tensor.detach().clone().DetachFromDisposeScope() ]

            this.State <-
                DetectorState(copy, state.Values, Origin = "run/cell.safetensors", WayOut = "delete it, and the training begins again")

let private train (optimizer: TorchSharp.Modules.Linear -> TorchSharp.Modules.OptimizerHelper) (kept: Kept) steps =
    use _scope = torch.NewDisposeScope()
    torch.manual_seed 1L |> ignore
    use model = torch.nn.Linear(3L, 2L)
    use optimizer = optimizer model
    let input = torch.rand (4L, 3L)

    let struct (loss, _) =
        Training.Run(FitContext(Seed = 1, Checkpoints = kept), model, optimizer, steps, (fun _ -> (model.call input).square().mean()))

    loss

let private checkpoints () =
    for optimizer in
        [
            (fun (model: TorchSharp.Modules.Linear) -> torch.optim.Adam(model.parameters (), 1e-2) :> TorchSharp.Modules.OptimizerHelper)
            (fun model -> torch.optim.SGD(model.parameters (), 1e-2, 0.9))
        ] do
        let kept = Kept()
        train optimizer kept 4L |> ignore
        let whole = nonNull kept.State
        train optimizer kept 6L |> ignore

        let refused name tensors values words =
            let state = DetectorState(tensors, values, Origin = whole.Origin, WayOut = whole.WayOut)
            let told = refusal (fun () -> train optimizer (Kept(State = state)) 6L |> ignore)

            for word in [ "run/cell.safetensors"; words; "delete it" ] do
                Expect.stringContains told word $"{name}: the message"

        for KeyValue(name, tensor) in whole.Tensors do
            for change, apply, words in List.take 5 changes do
                use _scope = torch.NewDisposeScope()

                match apply tensor with
                // As many losses as the longest training keeps may be there.
                | Some _ when name = "losses" && change = "twice as long" -> ()
                | Some changed -> refused $"{name} {change}" (replaced name (Some changed) whole.Tensors) whole.Values words
                | None -> ()

            // SGD has no momentum before its first step.
            if not (name.EndsWith "momentum_buffer") then refused name (replaced name None whole.Tensors) whole.Values "lacks"

        // What libtorch would end the process for.
        let random = whole.Tensors["random"]

        refused
            "zeros"
            (replaced "random" (Some(torch.zeros_like random)) whole.Tensors)
            whole.Values
            "no state of the random numbers' generator"

        refused
            "ones"
            (replaced "random" (Some(torch.full_like (random, (255).ToScalar()))) whole.Tensors)
            whole.Values
            "no state of the random numbers' generator"

        for name in [ "step"; "first_loss" ] do
            for value in [ None; Some "many" ] do
                refused name whole.Tensors (replaced name value whole.Values) name

/// A weights file with one tensor changed, for each kind of layer.
let private weights architecture () =
    let folder = Directory.CreateTempSubdirectory("reproduction-weights-").FullName

    try
        use _scope = torch.NewDisposeScope()
        use backbone = Backbone.Random(architecture, 1, BackboneOptions(Trainable = true))
        let tensors = backbone.StateDict false
        let file = Path.Combine(folder, architecture + ".safetensors")

        for name, tensor in kinds tensors do
            for change, apply, _ in List.take 2 changes do
                use _scope = torch.NewDisposeScope()

                match apply (tensor.detach ()) with
                | Some changed ->
                    SafeTensors.Write(file, replaced name (Some changed) tensors)
                    let told = refusal (fun () -> Backbone.Load(file, architecture).Dispose())
                    let text (shape: int64[]) = "[" + String.Join(", ", shape) + "]"

                    for word in [ file; name; text changed.shape; text tensor.shape ] do
                        Expect.stringContains told word $"{name}, {change}: the message"
                | None -> ()
    finally
        Directory.Delete(folder, true)

[<Tests>]
let tests =
    testSequenced
    <| testList "tampered models" [
        for paper, variant in variants do
            testCase $"{paper} {variant}: a tensor of another shape, type or name, or not finite, is refused" (tamper (paper, variant))
        testCase "settings that no detector can have are the file's fault" badSettings
        testCase "a checkpoint of another shape, type or name is refused, and so is a state that no generator can be in" checkpoints
        for architecture in [ "vgg19_16x"; "resnet18"; "efficientnet-b0" ] do
            testCase $"weights of {architecture}: a tensor of another shape is refused in every kind of layer" (weights architecture)
    ]
