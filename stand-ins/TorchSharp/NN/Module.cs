using System.Reflection;
using TorchSharp.Modules;
using TorchSharp.Utils;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        /// <summary>
        /// A layer or a network: parameters, buffers and sub-modules by name. A derived class calls
        /// <see cref="RegisterComponents"/> at the end of its constructor, which registers its fields under their names.
        /// </summary>
        public class Module : IDisposable
        {
            private readonly string name;
            private bool componentsRegistered;
            private bool disposed;

            protected OrderedDict<string, Module> _internal_submodules = [];
            protected OrderedDict<string, (Tensor, bool)> _internal_buffers = [];
            protected OrderedDict<string, Parameter> _internal_params = [];

            protected Module(string name) => this.name = name;

            /// <summary>Whether layers that differ between training and use (dropout, batch norm) are in training.</summary>
            public virtual bool training { get; private set; } = true;

            public virtual string GetName() => name;

            public virtual void train(bool train = true)
            {
                training = train;
                foreach (var (_, module) in named_children()) module.train(train);
            }

            public virtual void eval() => train(false);

            /// <summary>Calls fn for every sub-module, innermost first, and for this module.</summary>
            public virtual Module apply(Action<Module> fn)
            {
                foreach (var (_, module) in named_children()) module.apply(fn);
                fn(this);
                return this;
            }

            /// <summary>Forgets the gradients, or sets them to 0.</summary>
            public virtual void zero_grad(bool set_to_none = true)
            {
                foreach (var parameter in parameters())
                {
                    using var grad = parameter.grad;
                    if (grad is null) continue;
                    if (set_to_none) parameter.grad = null;
                    else grad.zero_();
                }
            }

            // Names: those of sub-modules, joined by dots.

            public virtual IEnumerable<(string name, Module module)> named_children() => _internal_submodules;

            public virtual IEnumerable<Module> children() => named_children().Select(child => child.module);

            public virtual IEnumerable<(string name, Module module)> named_modules()
            {
                foreach (var child in named_children()) yield return child;
                foreach (var (childName, child) in named_children())
                    foreach (var (name, module) in child.named_modules()) yield return ($"{childName}.{name}", module);
            }

            public virtual IEnumerable<Module> modules() => named_modules().Select(named => named.module);

            /// <summary>Every parameter once, in the order of registration.</summary>
            public virtual IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true)
            {
                var seen = new HashSet<Tensor>(ReferenceEqualityComparer.Instance);
                foreach (var (name, parameter) in _internal_params)
                    if (!parameter.IsInvalid && seen.Add(parameter)) yield return (name, parameter);
                if (!recurse) yield break;
                foreach (var (childName, child) in named_children())
                    foreach (var (name, parameter) in child.named_parameters())
                        if (seen.Add(parameter)) yield return ($"{childName}.{name}", parameter);
            }

            public virtual IEnumerable<Parameter> parameters(bool recurse = true) => named_parameters(recurse).Select(named => named.parameter);

            public virtual IEnumerable<(string name, Tensor buffer)> named_buffers(bool recurse = true, bool include_nonpersistent = true)
            {
                var seen = new HashSet<Tensor>(ReferenceEqualityComparer.Instance);
                foreach (var (name, (buffer, persistent)) in _internal_buffers)
                    if (!buffer.IsInvalid && (persistent || include_nonpersistent) && seen.Add(buffer)) yield return (name, buffer);
                if (!recurse) yield break;
                foreach (var (childName, child) in named_children())
                    foreach (var (name, buffer) in child.named_buffers(true, include_nonpersistent))
                        if (seen.Add(buffer)) yield return ($"{childName}.{name}", buffer);
            }

            public virtual IEnumerable<Tensor> buffers(bool recurse = true, bool include_nonpersistent = true) =>
                named_buffers(recurse, include_nonpersistent).Select(named => named.buffer);

            public virtual bool has_parameter(string target) => get_parameter(target) is not null;

            public virtual bool has_buffer(string target) => get_buffer(target) is not null;

            public virtual Parameter? get_parameter(string target) => named_parameters().FirstOrDefault(named => named.name == target).parameter;

            public virtual Tensor? get_buffer(string target) => named_buffers().FirstOrDefault(named => named.name == target).buffer;

            // Registration

            /// <param name="name">The buffer's name.</param>
            /// <param name="tensor">A tensor that belongs to the module and is not learnt.</param>
            /// <param name="persistent">Whether it is part of the state dict.</param>
            public virtual void register_buffer(string name, Tensor tensor, bool persistent = true)
            {
                if (tensor is null || tensor.IsInvalid) throw new ArgumentNullException(nameof(tensor), "A null tensor cannot be registered as a buffer.");
                if (_internal_buffers.ContainsKey(name)) throw new InvalidOperationException($"Tensor {name} is already registered.");
                _internal_buffers.Add(name, (tensor, persistent));
            }

            public virtual void register_parameter(string name, Parameter param)
            {
                if (param is null || param.IsInvalid) throw new ArgumentNullException(nameof(param), "A null tensor cannot be registered as a parameter.");
                if (_internal_params.ContainsKey(name)) throw new InvalidOperationException($"Parameter {name} is already registered.");
                _internal_params.Add(name, param);
            }

            public void add_module(string name, Module module) => register_module(name, module);

            public virtual void register_module(string name, Module submodule)
            {
                if (name.Contains('.')) throw new ArgumentException($"module name can't contain \".\", got: {name}");
                if (name.Length == 0) throw new ArgumentException("module name can't be empty string \"\"");
                if (_internal_submodules.ContainsKey(name)) throw new InvalidOperationException($"Sub-module {name} is already registered.");
                submodule.RegisterComponents();
                _internal_submodules.Add(name, submodule);
            }

            /// <summary>Registers every field that holds a module, a parameter or a tensor and is not registered yet, under the field's name.</summary>
            protected virtual void RegisterComponents()
            {
                if (componentsRegistered) return;
                for (var type = GetType(); type is not null && type != typeof(Module); type = type.BaseType)
                {
                    const BindingFlags Own = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
                    foreach (var field in type.GetFields(Own))
                    {
                        var name = field.GetCustomAttribute<ComponentNameAttribute>()?.Name ?? field.Name;
                        if (_internal_submodules.ContainsKey(name) || _internal_params.ContainsKey(name) || _internal_buffers.ContainsKey(name)) continue;
                        switch (field.GetValue(this))
                        {
                            case Module module:
                                register_module(name, module);
                                break;
                            case Parameter parameter:
                                register_parameter(name, parameter);
                                break;
                            case Tensor tensor:
                                register_buffer(name, tensor);
                                break;
                        }
                    }
                }
                componentsRegistered = true;
            }

            /// <summary>Puts a parameter of a layer under a name; null removes it.</summary>
            protected void ConditionallyRegisterParameter(string name, Parameter? value)
            {
                if (value is null) _internal_params.Remove(name);
                else _internal_params[name] = value;
            }

            /// <summary>Puts a buffer of a layer under a name; null removes it.</summary>
            protected void ConditionallyRegisterBuffer(string name, Tensor? value, bool persistent = true)
            {
                if (value is null) _internal_buffers.Remove(name);
                else _internal_buffers[name] = (value, persistent);
            }

            /// <summary>The parameter that a layer registered under a name.</summary>
            internal Parameter? Registered(string name) => _internal_params.TryGetValue(name, out var parameter) ? parameter : null;

            /// <summary>Makes the parameter the layer's own: no scope disposes it, and the one that it replaces is disposed.</summary>
            internal void Own(string name, Parameter? parameter)
            {
                var old = Registered(name);
                if (ReferenceEquals(old, parameter)) return;
                old?.Dispose();
                parameter?.DetachFromDisposeScope();
                ConditionallyRegisterParameter(name, parameter);
            }

            /// <summary>The buffer that a layer registered under a name.</summary>
            internal Tensor? RegisteredBuffer(string name) => _internal_buffers.TryGetValue(name, out var buffer) ? buffer.Item1 : null;

            /// <inheritdoc cref="Own"/>
            internal void OwnBuffer(string name, Tensor? buffer)
            {
                var old = RegisteredBuffer(name);
                if (ReferenceEquals(old, buffer)) return;
                old?.Dispose();
                buffer?.DetachFromDisposeScope();
                ConditionallyRegisterBuffer(name, buffer);
            }

            // State

            /// <summary>The parameters and persistent buffers by name: the tensors themselves, not copies.</summary>
            public virtual Dictionary<string, Tensor> state_dict(Dictionary<string, Tensor>? destination = null, string? prefix = null)
            {
                destination ??= [];
                var start = string.IsNullOrEmpty(prefix) ? "" : prefix + ".";
                foreach (var (name, parameter) in named_parameters()) destination.TryAdd(start + name, parameter);
                foreach (var (name, buffer) in named_buffers(include_nonpersistent: false)) destination.TryAdd(start + name, buffer);
                return destination;
            }

            /// <summary>Copies tensors into the parameters and buffers of the same names.</summary>
            /// <exception cref="InvalidOperationException">strict, and a name of one side is missing on the other.</exception>
            public virtual (IList<string> missing_keys, IList<string> unexpected_keyes) load_state_dict(
                Dictionary<string, Tensor> source, bool strict = true, IList<string>? skip = null)
            {
                skip ??= [];
                var destination = state_dict();
                var missing = destination.Keys.Where(key => !source.ContainsKey(key) && !skip.Contains(key)).ToList();
                var unexpected = source.Keys.Where(key => !destination.ContainsKey(key) && !skip.Contains(key)).ToList();
                if (strict && missing.Count + unexpected.Count > 0)
                {
                    throw new InvalidOperationException(
                        "The loaded state_dict is not identical to the target dictionary. " +
                        $"Missing: {string.Join(", ", missing)}. Unexpected: {string.Join(", ", unexpected)}.");
                }
                using var unrecorded = no_grad();
                foreach (var (key, tensor) in source)
                    if (!skip.Contains(key) && destination.TryGetValue(key, out var target)) target.copy_(tensor);
                return (missing, unexpected);
            }

            /// <summary>Writes the state dict in TorchSharp's own format.</summary>
            public Module save(string location, IList<string>? skip = null)
            {
                using var writer = new BinaryWriter(File.Create(location));
                return save(writer, skip);
            }

            public Module save(BinaryWriter writer, IList<string>? skip = null)
            {
                var state = state_dict().Where(entry => skip is null || !skip.Contains(entry.Key)).ToList();
                writer.Encode(state.Count);
                foreach (var (name, tensor) in state)
                {
                    writer.Write(name);
                    tensor.Save(writer);
                }
                return this;
            }

            /// <summary>Reads a state dict that <see cref="save(string, IList{string})"/> wrote.</summary>
            /// <exception cref="ArgumentException">An entry does not fit; strict, and the names are not the module's.</exception>
            public virtual Module load(string location, bool strict = true, IList<string>? skip = null)
            {
                using var reader = new BinaryReader(File.OpenRead(location));
                return load(reader, strict, skip);
            }

            public virtual Module load(BinaryReader reader, bool strict = true, IList<string>? skip = null)
            {
                var state = state_dict();
                var entries = reader.Decode();
                if (strict && entries != state.Count)
                    throw new ArgumentException($"Mismatched state_dict sizes: expected {state.Count}, but found {entries} entries.");
                for (long i = 0; i < entries; i++)
                {
                    var name = reader.ReadString();
                    using var loaded = TensorExtensionMethods.Load(reader);
                    if (!state.TryGetValue(name, out var target))
                    {
                        if (strict) throw new ArgumentException($"Mismatched module state names: the target modules does not have a submodule or buffer named '{name}'");
                        continue;
                    }
                    if (skip?.Contains(name) == true) continue;
                    if (!loaded.shape.SequenceEqual(target.shape))
                        throw new ArgumentException($"'{name}' is {loaded.metastr()} in the file and {target.metastr()} in the module.");
                    using var unrecorded = no_grad();
                    target.copy_(loaded);
                }
                return this;
            }

            // Type and device

            protected internal virtual Module _to(Device device, ScalarType dtype, bool non_blocking)
            {
                RequireFloatingPoint(dtype);
                return Convert(device, dtype, non_blocking);
            }

            protected internal virtual Module _to(DeviceType deviceType, int deviceIndex, bool non_blocking) =>
                Convert(new Device(deviceType, deviceIndex), null, non_blocking);

            protected internal virtual Module _to(ScalarType dtype, bool non_blocking)
            {
                RequireFloatingPoint(dtype);
                return Convert(null, dtype, non_blocking);
            }

            private static void RequireFloatingPoint(ScalarType dtype)
            {
                if (!is_floating_point(dtype) && !is_complex(dtype))
                    throw new ArgumentException($"nn.Module.to only accepts floating point or complex types, but got desired dtype={dtype}");
            }

            /// <summary>Converts in place: the objects stay, so an optimiser that holds them goes on working.</summary>
            private Module Convert(Device? device, ScalarType? dtype, bool non_blocking)
            {
                using var unrecorded = no_grad();
                foreach (var tensor in parameters().Concat(buffers()))
                {
                    var type = is_floating_point(tensor.dtype) ? dtype ?? tensor.dtype : tensor.dtype;
                    var target = device ?? tensor.device;
                    if (type == tensor.dtype && target.ToString() == tensor.device.ToString()) continue;
                    var recorded = tensor.requires_grad;
                    using var grad = tensor.grad;
                    tensor.Become(tensor.to(type, target, non_blocking: non_blocking));
                    tensor.requires_grad = recorded;
                    if (grad is null) continue;
                    using var converted = grad.to(type, target, non_blocking: non_blocking);
                    tensor.grad = converted;
                }
                return this;
            }

            // Lifetime

            public void Dispose()
            {
                Dispose(true);
                GC.SuppressFinalize(this);
            }

            /// <summary>Disposes the parameters, buffers and sub-modules.</summary>
            protected virtual void Dispose(bool disposing)
            {
                if (!disposing || disposed) return;
                disposed = true;
                foreach (var (_, (buffer, _)) in _internal_buffers) buffer.DetachFromDisposeScope().Dispose();
                foreach (var (_, parameter) in _internal_params) parameter.DetachFromDisposeScope().Dispose();
                foreach (var (_, module) in _internal_submodules) module.Dispose();
            }
        }

        public interface IModule<T, TResult>
        {
            TResult call(T input1);
        }

        public interface IModule<T1, T2, TResult>
        {
            TResult call(T1 input1, T2 input2);
        }

        /// <summary>A module of one argument.</summary>
        public abstract class Module<T, TResult> : Module, IModule<T, TResult>
        {
            protected Module(string name) : base(name)
            {
            }

            /// <summary>What the module computes.</summary>
            public abstract TResult forward(T input);

            /// <summary>Runs <see cref="forward"/>.</summary>
            public TResult call(T input) => forward(input);
        }

        /// <summary>A module of two arguments.</summary>
        public abstract class Module<T1, T2, TResult> : Module, IModule<T1, T2, TResult>
        {
            protected Module(string name) : base(name)
            {
            }

            /// <summary>What the module computes.</summary>
            public abstract TResult forward(T1 input1, T2 input2);

            /// <summary>Runs <see cref="forward"/>.</summary>
            public TResult call(T1 input1, T2 input2) => forward(input1, input2);
        }
    }
}

/// <summary>Conversions of a whole module, in place.</summary>
public static class ModuleExtensionMethods
{
    public static T to<T>(this T module, torch.ScalarType type, bool non_blocking = false) where T : torch.nn.Module => (T)module._to(type, non_blocking);

    public static T to<T>(this T module, torch.Device device, torch.ScalarType type, bool non_blocking = false) where T : torch.nn.Module =>
        (T)module._to(device, type, non_blocking);

    public static T to<T>(this T module, DeviceType deviceType, int deviceIndex = -1, bool non_blocking = false) where T : torch.nn.Module =>
        (T)module._to(deviceType, deviceIndex, non_blocking);

    public static T to<T>(this T module, torch.Device device, bool non_blocking = false) where T : torch.nn.Module =>
        (T)module._to(device.type, device.index, non_blocking);

    public static T to<T>(this T module, string device, bool non_blocking = false) where T : torch.nn.Module =>
        module.to(new torch.Device(device), non_blocking);

    public static T cpu<T>(this T module, bool non_blocking = false) where T : torch.nn.Module => module.to(torch.CPU, non_blocking);

    public static T cuda<T>(this T module, int deviceIndex = -1, bool non_blocking = false) where T : torch.nn.Module =>
        module.to(DeviceType.CUDA, deviceIndex, non_blocking);

    public static T half<T>(this T module, bool non_blocking = false) where T : torch.nn.Module => module.to(torch.ScalarType.Float16, non_blocking);

    public static T @float<T>(this T module, bool non_blocking = false) where T : torch.nn.Module => module.to(torch.ScalarType.Float32, non_blocking);

    public static T @double<T>(this T module, bool non_blocking = false) where T : torch.nn.Module => module.to(torch.ScalarType.Float64, non_blocking);
}
