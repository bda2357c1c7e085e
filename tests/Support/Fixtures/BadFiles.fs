/// Broken and sound files of every kind, and commands on them of which a test makes something wrong.
module Reproduction.Tests.BadFiles

open System
open System.IO
open System.Text
open TorchSharp
open Reproduction.Backbones
open Reproduction.Formats
open Reproduction.Imaging
open Reproduction.Tests.Bench
open Reproduction.Tests.ReproProcess

let private golden = Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "golden", "backbones")

/// Broken and sound files of every kind, made once.
type Files() =
    let sandbox = new Sandbox()
    let at (name: string) = Path.Combine(sandbox.Root, name)

    let bytes name (content: byte[]) =
        Directory.CreateDirectory(nonNull (Path.GetDirectoryName(at name))) |> ignore
        File.WriteAllBytes(at name, content)

    let text name (content: string) = bytes name (Encoding.UTF8.GetBytes content)
    let image = Image(16, 16, 3)
    let png = ImageFile.EncodePng image

    /// A copy of the data set whose files can be damaged.
    let damaged name (damage: string -> unit) =
        let folder = Path.Combine(sandbox.Data, "woven")

        for file in Directory.GetFiles(folder, "*", SearchOption.AllDirectories) do
            bytes (Path.Combine(name, "woven", Path.GetRelativePath(folder, file))) (File.ReadAllBytes file)

        damage (Path.Combine(at name, "woven"))

    let array name shape = Npy.Write<float32>(at name, ReadOnlySpan(Array.zeroCreate<float32>(Array.fold (*) 1 shape)), ReadOnlySpan shape)

    /// Weights of the smallest network with one tensor changed.
    let weights name (change: string -> torch.Tensor -> torch.Tensor) =
        use _scope = torch.NewDisposeScope()
        use backbone = Backbone.Random("vgg19_16x", 1)
        Directory.CreateDirectory(nonNull (Path.GetDirectoryName(at name))) |> ignore
        SafeTensors.Write(at name, readOnlyDict [ for KeyValue(key, value) in backbone.StateDict false -> key, change key value ])

    do
        Directory.CreateDirectory(at "empty") |> ignore
        text "file" "no folder"
        bytes "images/empty.png" [||]
        text "images/text.png" "this is no picture"
        bytes "images/torn.png" png[.. png.Length / 2]
        bytes "images/jpeg.png" (ImageFile.EncodeJpeg(image, 90))
        bytes "images/huge.png" (Array.concat [ png[..15]; [| 0uy; 0uy; 255uy; 255uy; 0uy; 0uy; 255uy; 255uy |]; png[24..] ])
        bytes "images/sound.png" png
        damaged "torn-train" (fun folder -> File.WriteAllBytes(Path.Combine(folder, "train/good/003.png"), png[..40]))
        damaged "torn-mask" (fun folder -> File.WriteAllBytes(Path.Combine(folder, "ground_truth/hole/000_mask.png"), png[..40]))
        damaged "no-mask" (fun folder -> File.Delete(Path.Combine(folder, "ground_truth/hole/000_mask.png")))

        damaged "no-train" (fun folder ->
            for file in Directory.GetFiles(Path.Combine(folder, "train/good")) do
                File.Delete file)

        array "maps.npy" [| 2; 8; 8 |]
        array "other.npy" [| 2; 4; 8 |]
        array "flat.npy" [| 8 |]
        text "text.npy" "no array"
        Npy.Write<byte>(at "masks.npy", ReadOnlySpan(Array.zeroCreate<byte> 128), ReadOnlySpan [| 2; 8; 8 |])
        bytes "torn.npy" (File.ReadAllBytes(at "maps.npy")[..200])
        weights "weights/vgg19_16x.safetensors" (fun _ tensor -> tensor)
        bytes "weights-torn/vgg19_16x.safetensors" (File.ReadAllBytes(at "weights/vgg19_16x.safetensors")[..5000])

        weights "weights-nan/vgg19_16x.safetensors" (fun key tensor -> if key.EndsWith "0.weight" then tensor * nanf.ToScalar() else tensor)

        weights "weights-other/vgg19_16x.safetensors" (fun _ tensor -> tensor * 0.5f.ToScalar())
        bytes "weights-random/vgg19_16x.pth" (Array.init 500 (fun i -> byte (i * 7)))
        bytes "weights-sidecar/vgg19_16x.safetensors" (File.ReadAllBytes(at "weights/vgg19_16x.safetensors"))
        text "weights-sidecar/vgg19_16x.json" "{\"architecture\": "
        bytes "weights-sha/vgg19_16x.safetensors" (File.ReadAllBytes(at "weights/vgg19_16x.safetensors"))
        text "weights-sha/vgg19_16x.json" "{\"architecture\": \"vgg19_16x\", \"sha256\": \"00\"}"
        // A state dict that asks for a function which none needs.
        let legacy = Encoding.Latin1.GetString(File.ReadAllBytes(Path.Combine(golden, "legacy.pth")))
        bytes "weights-evil/resnet18.pth" (Encoding.Latin1.GetBytes(legacy.Replace("torch._utils", "posix_system")))
        text "records-torn/runs/a.json" "{\"schema\": 1, \"cell\""
        text "records-null/runs/a.json" "null"
        text "records-other/runs/a.json" "{\"what\": \"something else\"}"

    member _.Sandbox = sandbox

    member _.Item
        with get name = at name

    member _.Text name content = text name content
    member _.Bytes name content = bytes name content

    interface IDisposable with
        member _.Dispose() = (sandbox :> IDisposable).Dispose()

let files =
    lazy
        (let files = new Files()
         AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> (files :> IDisposable).Dispose())
         files)

/// A fitted model and a finished cell, for what can be wrong with those.
let fitted =
    lazy
        (let files = files.Value
         let weights = files["weights"]
         let model = files["model"]

         let run arguments =
             let code, told = told arguments
             if code <> 0 then failwith told

         run [
             "fit"
             "--method"
             "gaussian"
             "--variant"
             "resnet18-mahalanobis+network=vgg19_16x+layers=[\"relu1_2\"]"
             "--train"
             files["data/woven/train/good"]
             "--weights"
             weights
             "--folds"
             "2"
             "--out"
             model
         ]

         run [
             "run"
             "--paper"
             "favae"
             "--variant"
             "vanilla+width=0.0625+images_per_epoch=16+batch_size=8"
             "--data"
             files["data"]
             "--profile"
             "smoke"
             "--out"
             files["finished"]
         ]

         let rewrite name (change: string -> string) =
             use _scope = torch.NewDisposeScope()
             let struct (tensors, metadata) = SafeTensors.Read model
             SafeTensors.Write(files[name], tensors, readOnlyDict [ for KeyValue(key, value) in metadata -> key, change value ])

         files.Bytes "model-torn" (File.ReadAllBytes(model)[..3000])
         rewrite "model-version" (fun value -> if value = "2" then "9" else value)
         rewrite "model-json" (fun value -> if value.StartsWith "{" then "{\"method\": " else value)
         rewrite "model-method" (fun value -> value.Replace("\"gaussian\"", "\"kriging\""))
         rewrite "model-settings" (fun value -> value.Replace("\"image_size\": 224", "\"image_size\": \"wide\""))
         let record = Directory.GetFiles(files["finished/runs"], "*.json")[0]

         let changeAll name changes =
             let text =
                 List.fold
                     (fun (text: string) (before: string, after: string) -> text.Replace(before, after))
                     (File.ReadAllText record)
                     changes

             files.Text $"{name}/runs/{Path.GetFileName record}" text

         let change name before after = changeAll name [ before, after ]
         change "finished-paper" "\"paper\": \"favae\"" "\"paper\": \"oracle\""
         change "finished-variant" "\"variant\": \"vanilla" "\"variant\": \"oracle"
         change "finished-profile" "\"profile\": \"smoke\"" "\"profile\": \"lightning\""
         change "finished-metric" "\"regions\": 3" "\"regions\": 4"

         changeAll "finished-elsewhere" [
             "\"regions\": 3", "\"regions\": 4"
             "\"batch_size\": 8", "\"batch_size\": 9"
             "\"processor\": \"", "\"processor\": \"Babbage's "
             "\"data_fingerprint\": \"", "\"data_fingerprint\": \"f"
         ]

         files)

/// The arguments of a sound run of a paper, of which a row makes something wrong.
let run paper more =
    let files = files.Value
    [ "run"; "--paper"; paper; "--data"; files["data"]; "--weights"; packaged; "--out"; files["run"] ] @ more

/// A variant that needs the weights which are in the folders here, and little time.
let overSmallest = "vgg16+network=vgg19_16x+width=0.0625+images_per_epoch=16+batch_size=8"

let runWith data weights more =
    let files = files.Value

    [
        "run"
        "--paper"
        "favae"
        "--variant"
        overSmallest
        "--data"
        files[data]
        "--weights"
        files[weights]
        "--profile"
        "smoke"
        "--out"
        files["run"]
    ]
    @ more

let score model image = [
    "score"
    "--model"
    fitted.Value[model]
    files.Value[image]
    "--weights"
    files.Value["weights"]
    "--out"
    files.Value["scored"]
]

let features backbone weights more =
    [
        "features"
        "--backbone"
        backbone
        "--weights"
        files.Value[weights]
        "--image"
        files.Value["images/sound.png"]
        "--out"
        files.Value["f"]
    ]
    @ more

let metrics maps masks more = [ "metrics"; "--maps"; files.Value[maps]; "--masks"; files.Value[masks] ] @ more
let verify records more = [ "verify"; "--records"; files.Value[records]; "--data"; files.Value["data"] ] @ more

let verifyFitted records =
    fitted.Force() |> ignore
    verify records []

let fit more =
    [
        "fit"
        "--method"
        "gaussian"
        "--train"
        files.Value["data/woven/train/good"]
        "--weights"
        packaged
        "--out"
        files.Value["m"]
    ]
    @ more
